import type { SessionPolicy } from '../../contracts/sessions/session-limits.ts';
import type {
  EndedStream,
  Evictor,
  StreamEnd,
  StreamMode,
  StreamView,
} from '../../contracts/sessions/session-stream.ts';
import type {
  AcquireReply,
  AcquireRequest,
  EndedRecord,
  EvictRequest,
  StreamRecord,
} from '../../contracts/sessions/stream-sessions.ts';
import { isContentOf } from './content-switch.ts';
import type { SessionMemory } from './session-memory.ts';

/** What the ledger already knows of an acquire; undefined: it is a new one. */
type Known =
  { readonly kind: 'reply'; readonly reply: AcquireReply } | { readonly kind: 'repeat'; readonly stream: StreamRecord };

/**
 * Recognises an acquire that was made before, by its request id first and its stream id second. An ended stream stays
 * ended; only a counted one may begin anew, as its clients use the id of a device again and again.
 */
export function recognise(
  request: AcquireRequest,
  streams: ReadonlyMap<string, StreamRecord>,
  memory: SessionMemory,
  comparesContent = true,
): Known | undefined {
  const counted = modeOf(request) === 'counted';
  const byRequest = findByRequest(request.requestId, streams, memory);
  if (byRequest) return toKnown(byRequest, request, comparesContent);
  const ended = memory.findEnded(request.streamId);
  if (ended) return counted && ended.mode === 'counted' ? undefined : toKnown(ended, request, comparesContent);
  const live = streams.get(request.streamId);
  if (!live) return undefined;
  const known = toKnown(live, request, comparesContent);
  // One more slot for the same stream is what counted means.
  return counted && known.kind === 'repeat' ? undefined : known;
}

function findByRequest(
  requestId: string | undefined,
  streams: ReadonlyMap<string, StreamRecord>,
  memory: SessionMemory,
): StreamRecord | EndedRecord | undefined {
  if (requestId === undefined) return undefined;
  for (const stream of streams.values()) if (stream.requestId === requestId) return stream;
  const counted = memory.findRequest('acquire', requestId);
  if (counted) return streams.get(counted.streamId) ?? memory.findEnded(counted.streamId);
  return memory.findEndedByRequest(requestId);
}

function toKnown(record: StreamRecord | EndedRecord, request: AcquireRequest, comparesContent: boolean): Known {
  const sameKind = (record.mode === 'counted') === (modeOf(request) === 'counted');
  if (record.deviceId !== request.deviceId || !sameKind) {
    const message = `stream ${record.streamId} belongs to another device or kind of stream`;
    return { kind: 'reply', reply: { outcome: 'idTaken', message } };
  }
  const isSame = isContentOf(record, request.contentId) && record.deviceType === request.deviceType;
  if (comparesContent && !isSame) {
    const message = `stream ${record.streamId} was acquired for another content or type of device`;
    return { kind: 'reply', reply: { outcome: 'otherRequest', message } };
  }
  if (!('end' in record)) return { kind: 'repeat', stream: record };
  return { kind: 'reply', reply: { outcome: 'ended', streamId: record.streamId, end: record.end } };
}

/** The record of a granted stream; of a counted one that is there already, with one more slot and a new lease. */
export function newStream(
  request: AcquireRequest,
  before: StreamRecord | undefined,
  policy: SessionPolicy,
  nowMs: number,
): StreamRecord {
  const mode = modeOf(request);
  const leaseMs = leaseOf(mode, policy);
  const leaseEndMs = nowMs + leaseMs;
  if (before) return { ...before, slots: before.slots + 1, leaseMs, leaseEndMs };
  const { streamId, deviceId, deviceType, contentId, requestId } = request;
  return {
    streamId,
    deviceId,
    ...(deviceType === undefined ? {} : { deviceType }),
    ...(contentId === undefined ? {} : { contentId }),
    // Requests on counted streams are remembered apart: there can be many for one stream.
    ...(requestId === undefined || mode === 'counted' ? {} : { requestId }),
    mode,
    slots: 1,
    startedAtMs: nowMs,
    leaseMs,
    leaseEndMs,
  };
}

/** What is remembered of a stream that is over. */
export function endedRecord(stream: StreamRecord, endedAtMs: number, end: StreamEnd): EndedRecord {
  const { streamId, deviceId, deviceType, contentId, acquiredFor, requestId, mode } = stream;
  return {
    streamId,
    deviceId,
    ...(deviceType === undefined ? {} : { deviceType }),
    ...(contentId === undefined ? {} : { contentId }),
    ...(acquiredFor ? { acquiredFor } : {}),
    ...(requestId === undefined ? {} : { requestId }),
    mode,
    endedAtMs,
    end,
  };
}

export function toStreamView(stream: StreamRecord): StreamView {
  const { streamId, deviceId, deviceType, contentId, mode, slots, leaseMs, ending } = stream;
  return {
    streamId,
    deviceId,
    ...(deviceType === undefined ? {} : { deviceType }),
    ...(contentId === undefined ? {} : { contentId }),
    mode,
    slots,
    startedAt: toTimestamp(stream.startedAtMs),
    leaseMs,
    leaseEndsAt: toTimestamp(stream.leaseEndMs),
    ...(ending ? { ending: { at: toTimestamp(ending.atMs), end: ending.end } } : {}),
  };
}

export function toEndedStream(record: Pick<EndedRecord, 'streamId' | 'deviceId' | 'endedAtMs' | 'end'>): EndedStream {
  const { streamId, deviceId, endedAtMs, end } = record;
  return { streamId, deviceId, endedAt: toTimestamp(endedAtMs), end };
}

function modeOf({ mode = 'direct' }: AcquireRequest): StreamMode {
  return mode;
}

function leaseOf(mode: StreamMode, policy: SessionPolicy): number {
  switch (mode) {
    case 'direct':
      return policy.leaseMs;
    case 'watched':
      return policy.watchedLeaseMs;
    case 'counted':
      return policy.registrationLeaseMs;
  }
}

function toTimestamp(ms: number): string {
  return new Date(ms).toISOString();
}

/** The stream with its lease renewed. What it owes to a beat that came after its end is noted, see {@link afterSetBack}. */
export function extended(stream: StreamRecord, nowMs: number): StreamRecord {
  const { reprieved: _spent, doubtMs: _settled, ...rest } = stream;
  const lateMs = nowMs - stream.leaseEndMs;
  return { ...rest, leaseEndMs: nowMs + stream.leaseMs, ...(lateMs > 0 ? { doubtMs: lateMs } : {}) };
}

/** The stream with its lease given once more, though no beat came. */
export function reprieved(stream: StreamRecord, nowMs: number): StreamRecord {
  const leaseEndMs = nowMs + stream.leaseMs;
  return { ...stream, leaseEndMs, reprieved: true, doubtMs: leaseEndMs - stream.leaseEndMs };
}

/**
 * The stream by a clock that was set back. What was noted later than it is now was noted by a wrong clock: a lease lasts no
 * longer than a whole one from now, and where the wrong clock showed the lease before as over, the next one counts from the
 * end of that, which is never too early for a player that beats. Nobody was away, so no lease is given once more for it.
 *
 * @param backMs by how much; a lateness of more than twice that had other causes
 */
export function afterSetBack(stream: StreamRecord, nowMs: number, backMs: number, graceMs: number): StreamRecord {
  const { leaseMs, leaseEndMs, ending, doubtMs = 0 } = stream;
  const startedAtMs = Math.min(stream.startedAtMs, nowMs);
  const bounded = ending ? { ending: { ...ending, atMs: Math.min(ending.atMs, nowMs + graceMs) } } : {};
  if (leaseEndMs - leaseMs <= nowMs) return { ...stream, startedAtMs, ...bounded };
  const { doubtMs: _settled, ...rest } = stream;
  const undoubtedMs = doubtMs <= 2 * backMs ? leaseEndMs - doubtMs : leaseEndMs;
  return { ...rest, startedAtMs, ...bounded, leaseEndMs: Math.min(undoubtedMs, nowMs + leaseMs), reprieved: true };
}

/** When a stream ends unless it beats. */
export function endOf({ ending, leaseEndMs }: StreamRecord): number {
  return ending ? Math.min(ending.atMs, leaseEndMs) : leaseEndMs;
}

/** Who evicted by hand, as far as it was said. */
export function operator({ by, reason }: Pick<EvictRequest, 'by' | 'reason'>): Evictor {
  return {
    kind: 'operator',
    ...(by === undefined ? {} : { by }),
    ...(reason === undefined ? {} : { reason }),
  };
}
