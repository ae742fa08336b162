import { DEFAULT_SESSION_POLICY, type SessionPolicy } from '../contracts/session-limits.ts';
import type { EndedStream, Evictor, StreamEnd, StreamView } from '../contracts/session-stream.ts';
import type {
  AcquireReply,
  AcquireRequest,
  Beat,
  EvictReply,
  EvictRequest,
  Release,
  SessionsSnapshot,
  SessionsView,
  ShadowCount,
  StreamRecord,
} from '../contracts/stream-sessions.ts';
import { capsOf, judge, slotsOf } from './session-admission.ts';
import { SessionMemory } from './session-memory.ts';
import { endOf, newStream, operator, recognise, toEndedStream, toStreamView } from './session-records.ts';

/**
 * A lease found over by more than this, or a beat interval where that is longer, ended while nobody looked: no server or no
 * worker ran, and beats may have been turned away. Such a stream gets its lease once more, unless it never beats.
 */
const UNWATCHED_MS = 5_000;
/** Bounds what an account carries while no watcher is there to be told. */
const MAX_NOTICES = 200;

/**
 * The active streams of one account. Pure: no I/O, and the time comes with every call, from the server; it never goes back.
 * Every call answers at once. A beat counts when it comes before its stream's end was acted on, however late.
 */
export class SessionLedger {
  #nowMs: number;
  /** When an acquire or a message on an active stream last came. */
  #touchedAtMs: number;
  #policy: SessionPolicy | undefined;
  #plan: string | undefined;
  #shadow: ShadowCount | undefined;
  /** In the order of their starts. */
  readonly #streams: Map<string, StreamRecord>;
  readonly #memory: SessionMemory;
  #notices: readonly EndedStream[];

  constructor(nowMs: number, snapshot?: SessionsSnapshot) {
    this.#nowMs = Math.max(nowMs, snapshot?.nowMs ?? 0);
    this.#touchedAtMs = snapshot?.touchedAtMs ?? this.#nowMs;
    this.#policy = snapshot?.policy;
    this.#plan = snapshot?.plan;
    this.#shadow = snapshot?.shadow;
    this.#streams = new Map(snapshot?.streams.map((stream) => [stream.streamId, stream]));
    this.#memory = new SessionMemory(snapshot?.ended, snapshot?.requests);
    this.#notices = snapshot?.notices ?? [];
  }

  /** Takes a slot, or says what stands against it. The same stream id or request id again takes no second one. */
  acquire(request: AcquireRequest, policy: SessionPolicy, nowMs: number): AcquireReply {
    this.advance(nowMs);
    this.#touchedAtMs = this.#nowMs;
    if (!this.#policy || policy.version > this.#policy.version) this.#policy = policy;
    const rules = this.#policy;
    const known = recognise(request, this.#streams, this.#memory);
    if (known?.kind === 'reply') return known.reply;
    if (known?.kind === 'repeat') return this.#grant(rules, this.#extend(known.stream), { repeated: true });

    this.#plan = request.plan;
    const holders = this.#holders();
    const shadowRefused = this.#tryShadow(rules, holders, request);
    const verdict = judge(rules, holders, request);
    const shadowed = shadowRefused ? ({ shadowRefused } as const) : {};
    if (!verdict.admitted) {
      const { violation, conflicts } = verdict;
      const facts = { active: slotsOf(holders), limit: capsOf(rules, request.plan).account, ...shadowed };
      const inTheWay = conflicts.map(toStreamView);
      return { outcome: 'refused', ...facts, policyVersion: rules.version, violation, conflicts: inTheWay };
    }
    const evicted = this.#makeRoom(verdict.evict, request, rules.handoffGraceMs);
    const before = holders.find(({ streamId }) => streamId === request.streamId);
    const stream = newStream(request, before, rules, this.#nowMs);
    this.#streams.set(stream.streamId, stream);
    this.#memory.forget(stream.streamId);
    if (stream.mode === 'counted' && request.requestId !== undefined) {
      const { requestId, streamId } = request;
      this.#memory.note({ requestId, streamId, kind: 'acquire', atMs: this.#nowMs });
    }
    return { ...this.#grant(rules, stream, { repeated: false, evicted }), ...shadowed };
  }

  /** Extends the streams that are still there; the others are in {@link view}, with their ends. */
  heartbeat(beats: readonly Beat[], nowMs: number): void {
    this.#tick(nowMs);
    // Before anything expires: beats may have waited for a worker longer than a lease lasts.
    for (const { streamId } of beats) {
      const stream = this.#streams.get(streamId);
      if (stream) this.#extend(stream);
    }
    this.advance(nowMs);
  }

  /** Ends streams, or frees one slot of counted ones; those that are gone already stay as they are. */
  release(releases: readonly Release[], nowMs: number): void {
    this.advance(nowMs);
    for (const release of releases) {
      const stream = this.#streams.get(release.streamId);
      if (stream?.mode === 'counted') this.#releaseOne(stream, release);
      else if (stream) this.#releaseStream(stream, release);
    }
  }

  /** Ends the named streams, or all, at once and without a hand-off. */
  evict({ streamIds, ...why }: EvictRequest, nowMs: number): EvictReply {
    this.advance(nowMs);
    const evictor = operator(why);
    const evicted: EndedStream[] = [];
    const notActive: { streamId: string; end?: StreamEnd }[] = [];
    for (const streamId of new Set(streamIds ?? this.#streams.keys())) {
      const stream = this.#streams.get(streamId);
      const end = this.#memory.findEnded(streamId)?.end;
      if (stream) evicted.push(this.#end(stream, { reason: 'evicted', evictor }));
      else notActive.push({ streamId, ...(end ? { end } : {}) });
    }
    return { evicted, notActive };
  }

  /** Ends what is over and forgets what was remembered long enough. */
  advance(nowMs: number): void {
    this.#tick(nowMs);
    const { heartbeatIntervalMs, rememberEndedMs } = this.#policy ?? DEFAULT_SESSION_POLICY;
    const unwatchedMs = Math.max(UNWATCHED_MS, heartbeatIntervalMs);
    // In the order of their ends, so that what is remembered is in that order as well.
    const due = [...this.#streams.values()].filter((stream) => endOf(stream) <= this.#nowMs);
    for (const stream of due.toSorted((one, other) => endOf(one) - endOf(other))) {
      if (stream.ending) this.#end(stream, stream.ending.end);
      else if (stream.mode !== 'counted' && !stream.reprieved && this.#nowMs - stream.leaseEndMs > unwatchedMs) {
        this.#put({ ...stream, leaseEndMs: this.#nowMs + stream.leaseMs, reprieved: true });
      } else this.#end(stream, { reason: 'expired' });
    }
    this.#memory.prune(this.#nowMs, rememberEndedMs);
  }

  /** The earliest time at which a stream ends by itself. */
  nextEndMs(): number | undefined {
    if (this.#streams.size === 0) return undefined;
    return Math.min(...[...this.#streams.values()].map(endOf));
  }

  /** When an account without streams may be given up: idle for long enough, and nothing left to remember. */
  idleAtMs(): number {
    const { idleCloseMs, rememberEndedMs } = this.#policy ?? DEFAULT_SESSION_POLICY;
    return Math.max(this.#touchedAtMs + idleCloseMs, (this.#memory.latestMs ?? -Infinity) + rememberEndedMs);
  }

  /** Slots taken. */
  slots(): number {
    return slotsOf(this.#holders());
  }

  view(): SessionsView {
    const policy = this.#policy;
    return {
      active: [...this.#streams.values()].map(toStreamView),
      ended: this.#memory.ended.map(toEndedStream),
      slots: this.slots(),
      ...(policy
        ? {
            limit: capsOf(policy, this.#plan).account,
            policyVersion: policy.version,
            heartbeatIntervalMs: policy.heartbeatIntervalMs,
          }
        : {}),
      ...(this.#shadow ? { shadow: this.#shadow } : {}),
    };
  }

  snapshot(): SessionsSnapshot {
    return {
      nowMs: this.#nowMs,
      touchedAtMs: this.#touchedAtMs,
      ...(this.#policy ? { policy: this.#policy } : {}),
      ...(this.#plan === undefined ? {} : { plan: this.#plan }),
      streams: [...this.#streams.values()],
      ended: this.#memory.ended,
      requests: this.#memory.requests,
      ...(this.#shadow ? { shadow: this.#shadow } : {}),
      ...(this.#notices.length > 0 ? { notices: this.#notices } : {}),
    };
  }

  /** Ends of watched streams that did not come from their watcher, in their order: to be told to it. */
  notices(): readonly EndedStream[] {
    return this.#notices;
  }

  /** These were told, or nobody is there to hear them. */
  dropNotices(told: readonly EndedStream[]): void {
    this.#notices = this.#notices.filter((notice) => !told.includes(notice));
  }

  #tick(nowMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, nowMs);
  }

  #holders(): StreamRecord[] {
    return [...this.#streams.values()].filter(({ ending }) => !ending);
  }

  #put(stream: StreamRecord): StreamRecord {
    this.#streams.set(stream.streamId, stream);
    return stream;
  }

  #extend(stream: StreamRecord): StreamRecord {
    this.#touchedAtMs = this.#nowMs;
    if (stream.ending) return stream;
    const { reprieved: _spent, ...rest } = stream;
    return this.#put({ ...rest, leaseEndMs: this.#nowMs + stream.leaseMs });
  }

  #end(stream: StreamRecord, end: StreamEnd, byWatcher = false): EndedStream {
    const { streamId, deviceId, requestId, mode } = stream;
    const record = {
      streamId,
      deviceId,
      ...(requestId === undefined ? {} : { requestId }),
      mode,
      endedAtMs: this.#nowMs,
      end,
    };
    this.#streams.delete(streamId);
    this.#memory.remember(record);
    const ended = toEndedStream(record);
    if (mode === 'watched' && !byWatcher) this.#notices = [...this.#notices, ended].slice(-MAX_NOTICES);
    return ended;
  }

  #releaseStream(stream: StreamRecord, { lost = false, silentMs = 0, byWatcher = false }: Release): void {
    const heardMs = stream.leaseEndMs - stream.leaseMs;
    if (lost && stream.mode === 'watched' && this.#nowMs - heardMs >= silentMs) {
      this.#end(stream, { reason: 'expired' }, true);
    } else if (!lost) this.#end(stream, { reason: 'released' }, byWatcher);
  }

  #releaseOne(stream: StreamRecord, { requestId, lost }: Release): void {
    if (lost === true) return;
    const { streamId } = stream;
    if (requestId !== undefined) {
      if (this.#memory.findRequest('release', requestId)?.streamId === streamId) return;
      this.#memory.note({ requestId, streamId, kind: 'release', atMs: this.#nowMs });
    }
    if (stream.slots > 1) this.#put({ ...stream, slots: stream.slots - 1 });
    else this.#end(stream, { reason: 'released' });
  }

  /** At most one hand-off is under way: the next one ends what the one before still let play. */
  #makeRoom(victims: readonly StreamRecord[], request: AcquireRequest, graceMs: number): readonly EndedStream[] {
    if (victims.length === 0) return [];
    for (const stream of this.#streams.values()) if (stream.ending) this.#end(stream, stream.ending.end);
    const { streamId, deviceId, deviceType } = request;
    const evictor: Evictor = {
      kind: 'stream',
      streamId,
      deviceId,
      ...(deviceType === undefined ? {} : { deviceType }),
    };
    const end: StreamEnd = { reason: 'evicted', evictor };
    return victims.map((victim) => {
      if (graceMs === 0) return this.#end(victim, end);
      const atMs = this.#nowMs + graceMs;
      this.#put({ ...victim, ending: { atMs, end } });
      return toEndedStream({ ...victim, endedAtMs: atMs, end });
    });
  }

  #tryShadow({ shadow }: SessionPolicy, holders: readonly StreamRecord[], request: AcquireRequest): boolean {
    if (!shadow) return false;
    const refused = !judge(shadow, holders, request).admitted;
    const { version } = shadow;
    const so = this.#shadow?.version === version ? this.#shadow : { version, evaluated: 0, refused: 0 };
    this.#shadow = { version, evaluated: so.evaluated + 1, refused: so.refused + (refused ? 1 : 0) };
    return refused;
  }

  #grant(
    policy: SessionPolicy,
    stream: StreamRecord,
    how: { repeated: boolean; evicted?: readonly EndedStream[] },
  ): Extract<AcquireReply, { outcome: 'granted' }> {
    const view: StreamView = toStreamView(stream);
    return {
      outcome: 'granted',
      stream: view,
      repeated: how.repeated,
      active: this.slots(),
      limit: capsOf(policy, this.#plan).account,
      policyVersion: policy.version,
      expiresInMs: endOf(stream) - this.#nowMs,
      heartbeatIntervalMs: policy.heartbeatIntervalMs,
      evicted: how.evicted ?? [],
    };
  }
}
