import type { EndedRecord, RequestRecord } from '../contracts/stream-sessions.ts';

/** Bound what is carried from run to run: some 100 kB at most, beside Temporal's limit of 2 MB. */
const MAX_ENDED = 200;
const MAX_REQUESTS = 400;

/** What an account remembers of streams that are over and of requests that were carried out; oldest first. Pure. */
export class SessionMemory {
  #ended: readonly EndedRecord[];
  #requests: readonly RequestRecord[];

  constructor(ended: readonly EndedRecord[] = [], requests: readonly RequestRecord[] = []) {
    this.#ended = ended;
    this.#requests = requests;
  }

  get ended(): readonly EndedRecord[] {
    return this.#ended;
  }

  get requests(): readonly RequestRecord[] {
    return this.#requests;
  }

  /** When the last thing was put in that must be remembered. */
  get latestMs(): number | undefined {
    const times = [this.#ended.at(-1)?.endedAtMs, this.#requests.at(-1)?.atMs].filter((time) => time !== undefined);
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

  /** Drops what happened `retentionMs` ago or earlier. */
  prune(nowMs: number, retentionMs: number): void {
    const since = nowMs - retentionMs;
    if ((this.#ended[0]?.endedAtMs ?? Infinity) <= since) {
      this.#ended = this.#ended.filter(({ endedAtMs }) => endedAtMs > since);
    }
    if ((this.#requests[0]?.atMs ?? Infinity) <= since) {
      this.#requests = this.#requests.filter(({ atMs }) => atMs > since);
    }
  }
}
