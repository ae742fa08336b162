import {
  DEFAULT_SESSION_POLICY,
  type SessionCaps,
  type SessionPolicy,
  type SessionRules,
} from '../../contracts/sessions/session-limits.ts';
import type { EndedStream, Evictor, StreamEnd, StreamView } from '../../contracts/sessions/session-stream.ts';
import type {
  AcquireReply,
  AcquireRequest,
  Beat,
  ContentSwitch,
  EvictReply,
  EvictRequest,
  Release,
  SessionsSnapshot,
  SessionsView,
  ShadowCount,
  StreamRecord,
  SwitchReply,
} from '../../contracts/sessions/stream-sessions.ts';
import { judgeSwitch, withContent } from './content-switch.ts';
import { capsOf, firstCapsOf, judge, slotsOf } from './session-admission.ts';
import { SessionMemory, withinBytes } from './session-memory.ts';
import {
  afterSetBack,
  endedRecord,
  endOf,
  extended,
  newStream,
  operator,
  recognise,
  reprieved,
  toEndedStream,
  toStreamView,
} from './session-records.ts';

/**
 * A lease found over by more than this, or a beat interval where that is longer, ended while nobody looked: no server or no
 * worker ran, and beats may have been turned away. Such a stream gets its lease once more, unless it never beats.
 */
const UNWATCHED_MS = 5_000;
/** Bounds what an account carries while no watcher is there to be told. */
const MAX_NOTICES = 200;
/** The others of a hand-off end at once; a policy that was narrowed much can evict 200 with one acquire. */
const MAX_HANDED_OFF = 20;
/** Of the lists in a snapshot and in answers, however long ids are: together with the streams far below Temporal's 2 MB. */
const MAX_LIST_BYTES = 150_000;
/** The clock is that of several servers, which differ a little; what is set back by more was wrong before. */
const CLOCK_SKEW_MS = 5_000;

/**
 * By which rules a ledger goes. `first`: those of runs that began before the present ones and go by them until they continue
 * as new. Of these releases of unknown streams are not remembered, requests with other content are answered as repeated,
 * tables of a plan stand for all of the general ones, and a clock that was ahead holds back expiry.
 */
export type LedgerRules = 'first' | 'present';

/**
 * The active streams of one account. Pure: no I/O, and the time comes with every call, from the server. While that is a little
 * behind, time stands still; when it was set back, what was noted by the wrong clock is brought to the right one.
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
  readonly #isFirst: boolean;
  #notices: readonly EndedStream[];

  constructor(nowMs: number, snapshot?: SessionsSnapshot, rules: LedgerRules = 'present') {
    this.#isFirst = rules === 'first';
    this.#nowMs = Math.max(nowMs, snapshot?.nowMs ?? 0);
    this.#touchedAtMs = snapshot?.touchedAtMs ?? this.#nowMs;
    this.#policy = snapshot?.policy;
    this.#plan = snapshot?.plan;
    this.#shadow = snapshot?.shadow;
    this.#streams = new Map(snapshot?.streams.map((stream) => [stream.streamId, stream]));
    this.#memory = new SessionMemory(snapshot?.ended, snapshot?.requests, snapshot?.early);
    this.#notices = snapshot?.notices ?? [];
  }

  /** Takes a slot, or says what stands against it. The same stream id or request id again takes no second one. */
  acquire(request: AcquireRequest, policy: SessionPolicy, nowMs: number): AcquireReply {
    this.advance(nowMs);
    this.#touchedAtMs = this.#nowMs;
    if (!this.#policy || policy.version > this.#policy.version) this.#policy = policy;
    const rules = this.#policy;
    const known = recognise(request, this.#streams, this.#memory, !this.#isFirst);
    if (known?.kind === 'reply') return known.reply;
    if (known?.kind === 'repeat') return this.#grant(rules, this.#extend(known.stream), { repeated: true });
    const released = this.#releasedBefore(request, rules);
    if (released) return released;

    this.#plan = request.plan;
    const holders = this.#holders();
    const shadowRefused = this.#tryShadow(rules, holders, request);
    const verdict = judge(rules, holders, request, this.#capsOf(rules, request.plan));
    const shadowed = shadowRefused ? ({ shadowRefused } as const) : {};
    if (!verdict.admitted) {
      const { violation, conflicts } = verdict;
      const facts = { active: slotsOf(holders), limit: this.#capsOf(rules, request.plan).account, ...shadowed };
      // The oldest ones go first when the policy evicts, and are kept when not all of them fit.
      const inTheWay = withinBytes(conflicts.map(toStreamView).toReversed(), MAX_LIST_BYTES).toReversed();
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

  /** Plays another content in the slot that the stream has, and extends it as a beat does. */
  switchContent({ streamId, contentId }: ContentSwitch, nowMs: number): SwitchReply {
    this.heartbeat([{ streamId }], nowMs);
    const stream = this.#streams.get(streamId);
    if (!stream || stream.ending) {
      const end = stream?.ending?.end ?? this.#memory.findEnded(streamId)?.end;
      return { outcome: 'ended', ...(end ? { end } : {}) };
    }
    if (stream.mode === 'counted')
      return { outcome: 'idTaken', message: `stream ${streamId} counts and plays nothing` };
    const rules = this.#policy ?? DEFAULT_SESSION_POLICY;
    const others = this.#holders().filter((other) => other.streamId !== streamId);
    const verdict = judgeSwitch(rules, others, stream, contentId, this.#capsOf(rules, this.#plan));
    if (!verdict.admitted) {
      return { outcome: 'refused', violation: verdict.violation, conflicts: verdict.conflicts.map(toStreamView) };
    }
    const evicted = this.#makeRoom(verdict.evict, stream, rules.handoffGraceMs);
    const switched = this.#put(withContent(stream, contentId));
    const expiresInMs = endOf(switched) - this.#nowMs;
    return { outcome: 'switched', stream: toStreamView(switched), expiresInMs, evicted };
  }

  /** Ends streams, or frees one slot of counted ones; those that are gone already stay as they are. */
  release(releases: readonly Release[], nowMs: number): void {
    this.advance(nowMs);
    for (const release of releases) {
      const stream = this.#streams.get(release.streamId);
      if (stream?.mode === 'counted') this.#releaseOne(stream, release);
      else if (stream) this.#releaseStream(stream, release);
      else this.#noteEarly(release);
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
        this.#put(reprieved(stream, this.#nowMs));
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
      ended: withinBytes(this.#memory.ended.map(toEndedStream), MAX_LIST_BYTES),
      slots: this.slots(),
      ...(policy
        ? {
            limit: this.#capsOf(policy, this.#plan).account,
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
      ended: withinBytes(this.#memory.ended, MAX_LIST_BYTES),
      requests: withinBytes(this.#memory.requests, MAX_LIST_BYTES),
      ...(this.#memory.early.length > 0 ? { early: withinBytes(this.#memory.early, MAX_LIST_BYTES) } : {}),
      ...(this.#shadow ? { shadow: this.#shadow } : {}),
      ...(this.#notices.length > 0 ? { notices: withinBytes(this.#notices, MAX_LIST_BYTES) } : {}),
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
    if (!this.#isFirst && nowMs < this.#nowMs - CLOCK_SKEW_MS) this.#setBack(nowMs);
    else this.#nowMs = Math.max(this.#nowMs, nowMs);
  }

  #setBack(nowMs: number): void {
    const { handoffGraceMs } = this.#policy ?? DEFAULT_SESSION_POLICY;
    const backMs = this.#nowMs - nowMs;
    this.#nowMs = nowMs;
    this.#touchedAtMs = Math.min(this.#touchedAtMs, nowMs);
    for (const stream of this.#streams.values()) this.#put(afterSetBack(stream, nowMs, backMs, handoffGraceMs));
    this.#memory.setBack(nowMs);
  }

  #capsOf(rules: SessionRules, plan: string | undefined): SessionCaps {
    return this.#isFirst ? firstCapsOf(rules, plan) : capsOf(rules, plan);
  }

  #noteEarly({ streamId, requestId, lost }: Release): void {
    // Of one that is reported lost the acquire may be granted yet: its player does not know of the report.
    if (this.#isFirst || lost === true || this.#memory.findEnded(streamId)) return;
    this.#memory.noteEarly({ streamId, ...(requestId === undefined ? {} : { requestId }), atMs: this.#nowMs });
  }

  /** The answer to an acquire that its own release overtook: the stream is over before it began. */
  #releasedBefore(request: AcquireRequest, rules: SessionPolicy): AcquireReply | undefined {
    const counted = request.mode === 'counted';
    if (this.#streams.has(request.streamId) || !this.#memory.takeEarly(request.streamId, counted, this.#nowMs)) return;
    const { streamId, requestId } = request;
    const end = { reason: 'released' } as const;
    this.#memory.remember(endedRecord(newStream(request, undefined, rules, this.#nowMs), this.#nowMs, end));
    if (counted && requestId !== undefined)
      this.#memory.note({ requestId, streamId, kind: 'acquire', atMs: this.#nowMs });
    return { outcome: 'ended', streamId, end };
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
    return stream.ending ? stream : this.#put(extended(stream, this.#nowMs));
  }

  #end(stream: StreamRecord, end: StreamEnd, byWatcher = false): EndedStream {
    const record = endedRecord(stream, this.#nowMs, end);
    this.#streams.delete(stream.streamId);
    this.#memory.remember(record);
    const ended = toEndedStream(record);
    if (stream.mode === 'watched' && !byWatcher) this.#notices = [...this.#notices, ended].slice(-MAX_NOTICES);
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
    return victims.map((victim, index) => {
      if (graceMs === 0 || (!this.#isFirst && index >= MAX_HANDED_OFF)) return this.#end(victim, end);
      const atMs = this.#nowMs + graceMs;
      this.#put({ ...victim, ending: { atMs, end } });
      return toEndedStream({ ...victim, endedAtMs: atMs, end });
    });
  }

  #tryShadow({ shadow }: SessionPolicy, holders: readonly StreamRecord[], request: AcquireRequest): boolean {
    if (!shadow) return false;
    const refused = !judge(shadow, holders, request, this.#capsOf(shadow, request.plan)).admitted;
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
      limit: this.#capsOf(policy, this.#plan).account,
      policyVersion: policy.version,
      expiresInMs: endOf(stream) - this.#nowMs,
      heartbeatIntervalMs: policy.heartbeatIntervalMs,
      evicted: how.evicted ?? [],
    };
  }
}
