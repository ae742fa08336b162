import type { EarlyRelease, EndedRecord, RequestRecord } from '../../contracts/sessions/stream-sessions.ts';

/** Bound what is carried from run to run: some 100 kB for ids of usual length, see `withinBytes` for others. */
const MAX_ENDED = 200;
const MAX_REQUESTS = 400;
const MAX_EARLY = 100;
/** An acquire is under way for no longer: whoever asked has given up, and so has Temporal. */
const ACQUIRE_TIME_MS = 60_000;

/** What an account remembers of streams that are over and of requests that were carried out; oldest first. Pure. */
export class SessionMemory {
  #ended: readonly EndedRecord[];
  #requests: readonly RequestRecord[];
  #early: readonly EarlyRelease[];

  constructor(
    ended: readonly EndedRecord[] = [],
    requests: readonly RequestRecord[] = [],
    early: readonly EarlyRelease[] = [],
  ) {
    this.#ended = ended;
    this.#requests = requests;
    this.#early = early;
  }

  get ended(): readonly EndedRecord[] {
    return this.#ended;
  }

  get requests(): readonly RequestRecord[] {
    return this.#requests;
  }

  get early(): readonly EarlyRelease[] {
    return this.#early;
  }

  /** When the last thing was put in that must be remembered. */
  get latestMs(): number | undefined {
    const times = [this.#ended.at(-1)?.endedAtMs, this.#requests.at(-1)?.atMs, this.#early.at(-1)?.atMs].filter(
      (time) => time !== undefined,
    );
    return times.length === 0 ? undefined : Math.max(...times);
  }

  remember(record: EndedRecord): void {
    const others = this.#ended.filter(({ streamId }) => streamId !== record.streamId);
    this.#ended = [...others, record].slice(-MAX_ENDED);
  }

  forget(streamId: string): void {
    this.#ended = this.#ended.filter((record) => record.streamId !== streamId);
  }

  findEnded(streamId: string): EndedRecord | undefined {
    return this.#ended.find((record) => record.streamId === streamId);
  }

  findEndedByRequest(requestId: string): EndedRecord | undefined {
    return this.#ended.find((record) => record.requestId === requestId);
  }

  note(record: RequestRecord): void {
    this.#requests = [...this.#requests, record].slice(-MAX_REQUESTS);
  }

  findRequest(kind: RequestRecord['kind'], requestId: string): RequestRecord | undefined {
    return this.#requests.find((record) => record.kind === kind && record.requestId === requestId);
  }

  /** A release of a stream that is not known: the acquire it is about may still come. */
  noteEarly(release: EarlyRelease): void {
    const { streamId, requestId } = release;
    const others = this.#early.filter((early) => early.streamId !== streamId || early.requestId !== requestId);
    this.#early = [...others, release].slice(-MAX_EARLY);
  }

  /**
   * Whether the stream was released before this acquire of it came; that release is used up. The id of a counted stream is
   * used again and again, so only what can be about this very acquire counts: a release with a request id while an acquire
   * may be under way, one without only if both were found waiting, at the same moment.
   */
  takeEarly(streamId: string, counted: boolean, nowMs: number): boolean {
    const found = this.#early.find(
      (early) =>
        early.streamId === streamId &&
        (!counted || nowMs - early.atMs <= (early.requestId === undefined ? 0 : ACQUIRE_TIME_MS)),
    );
    this.#early = this.#early.filter((early) => early !== found);
    return found !== undefined;
  }

  /** The clock was set back: nothing happened later than now. */
  setBack(nowMs: number): void {
    this.#ended = this.#ended.map((record) => ({ ...record, endedAtMs: Math.min(record.endedAtMs, nowMs) }));
    this.#requests = this.#requests.map((record) => ({ ...record, atMs: Math.min(record.atMs, nowMs) }));
    this.#early = this.#early.map((release) => ({ ...release, atMs: Math.min(release.atMs, nowMs) }));
  }

  /** Drops what happened `retentionMs` ago or earlier. */
  prune(nowMs: number, retentionMs: number): void {
    const since = nowMs - retentionMs;
    if ((this.#ended[0]?.endedAtMs ?? Infinity) <= since) {
      this.#ended = this.#ended.filter(({ endedAtMs }) => endedAtMs > since);
    }
    if ((this.#requests[0]?.atMs ?? Infinity) <= since) {
      this.#requests = this.#requests.filter(({ atMs }) => atMs > since);
    }
    if ((this.#early[0]?.atMs ?? Infinity) <= since) {
      this.#early = this.#early.filter(({ atMs }) => atMs > since);
    }
  }
}

/** As many of the items as fit, the last ones first, in their order. */
export function withinBytes<Item>(items: readonly Item[], mostBytes: number): readonly Item[] {
  let leftBytes = mostBytes;
  const first = items.findLastIndex((item) => {
    leftBytes -= new TextEncoder().encode(JSON.stringify(item)).length;
    return leftBytes < 0;
  });
  return first < 0 ? items : items.slice(first + 1);
}
