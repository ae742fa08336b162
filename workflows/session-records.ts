import type { SessionPolicy } from '../contracts/session-limits.ts';
import type { EndedStream, Evictor, StreamMode, StreamView } from '../contracts/session-stream.ts';
import type {
  AcquireReply,
  AcquireRequest,
  EndedRecord,
  EvictRequest,
  StreamRecord,
} from '../contracts/stream-sessions.ts';
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
): Known | undefined {
  const counted = modeOf(request) === 'counted';
  const byRequest = findByRequest(request.requestId, streams, memory);
  if (byRequest) return toKnown(byRequest, request);
  const ended = memory.findEnded(request.streamId);
  if (ended) return counted && ended.mode === 'counted' ? undefined : toKnown(ended, request);
  const live = streams.get(request.streamId);
  if (!live) return undefined;
  const known = toKnown(live, request);
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

function toKnown(record: StreamRecord | EndedRecord, request: AcquireRequest): Known {
  const sameKind = (record.mode === 'counted') === (modeOf(request) === 'counted');
  if (record.deviceId !== request.deviceId || !sameKind) {
    const message = `stream ${record.streamId} belongs to another device or kind of stream`;
    return { kind: 'reply', reply: { outcome: 'idTaken', message } };
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
