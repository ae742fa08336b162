import type { StreamGone } from '../../client/session-errors.ts';
import {
  CLAIM_MS,
  keyOf,
  RECOVERY_MS,
  SWEEP_GAP_MS,
  type BeatOutcome,
  type BeatStore,
  type BeatStoreOptions,
  type StreamRef,
  type Sweep,
  type WatchedStream,
} from './beat-store.ts';

interface Entry {
  readonly ref: StreamRef;
  /** Absent while the acquire is under way. */
  readonly stream?: WatchedStream;
  readonly silentAtMs: number;
  readonly forwardAtMs: number;
  readonly end?: StreamGone;
  readonly endsAtMs: number;
  /** The account is to be asked with the next beat. */
  readonly doubted?: true;
}

interface Silent {
  readonly entry: Entry;
  readonly claimEndsAtMs: number;
  readonly told: boolean;
}

/** For a gateway that is alone: what it holds is gone with the process, and recovered from the accounts by the next one. */
export class MemoryBeatStore implements BeatStore {
  readonly #options: BeatStoreOptions;
  readonly #nowMs: () => number;
  /** In the order of their last change, so that the silent ones and the oldest ends come first. */
  readonly #live = new Map<string, Entry>();
  readonly #over = new Map<string, { readonly end: StreamGone; readonly forgetAtMs: number }>();
  readonly #silent = new Map<string, Silent>();
  /** When to read which account, by user. */
  readonly #unread = new Map<string, number>();
  #sweptAtMs = -Infinity;
  #graceUntilMs = -Infinity;
  #epoch = 1;
  #recoveredEpoch = 0;
  #recoveringEpoch = 0;
  #recoveringUntilMs = -Infinity;

  constructor(options: BeatStoreOptions, nowMs: () => number = () => performance.now()) {
    this.#options = options;
    this.#nowMs = nowMs;
  }

  async expect(ref: StreamRef, silenceMs: number): Promise<void> {
    const key = keyOf(ref);
    this.#over.delete(key);
    if (this.#live.get(key)?.stream) return;
    this.#put(key, { ref, silentAtMs: this.#nowMs() + silenceMs, forwardAtMs: Infinity, endsAtMs: Infinity });
  }

  async confirm(stream: WatchedStream): Promise<void> {
    const key = keyOf(stream);
    if (this.#over.has(key)) return;
    const known = this.#live.get(key);
    if (known?.end) return;
    this.#watch(key, stream, this.#nowMs() + stream.forwardEveryMs);
  }

  async cancel(ref: StreamRef): Promise<void> {
    const key = keyOf(ref);
    this.#silent.delete(key);
    if (!this.#live.get(key)?.stream) this.#live.delete(key);
  }

  async beat(ref: StreamRef, deviceId?: string): Promise<BeatOutcome> {
    const key = keyOf(ref);
    const over = this.#over.get(key);
    if (over) return { state: 'over', end: over.end };
    const silent = this.#silent.get(key);
    const entry = silent?.entry ?? this.#live.get(key);
    if (silent && (silent.told || !silent.entry.stream)) return { state: 'told' };
    if (!entry?.stream) return { state: 'unknown', recovering: !this.#recovered() || this.#unread.has(ref.userId) };
    if (deviceId !== undefined && entry.stream.deviceId !== deviceId) return { state: 'otherDevice' };
    if (entry.doubted) return { state: 'told' };
    const nowMs = this.#nowMs();
    const { stream, end, endsAtMs } = entry;
    if (end) {
      if (endsAtMs > nowMs)
        return { state: 'alive', stream, expiresInMs: endsAtMs - nowMs, forward: false, ending: end };
      this.#finish(key, end);
      return { state: 'over', end };
    }
    const forward = entry.forwardAtMs <= nowMs;
    this.#watch(key, stream, forward ? nowMs + stream.forwardEveryMs : entry.forwardAtMs);
    return { state: 'alive', stream, expiresInMs: stream.silenceMs, forward };
  }

  async forwardAgain(ref: StreamRef): Promise<void> {
    const key = keyOf(ref);
    const entry = this.#live.get(key);
    if (entry) this.#live.set(key, { ...entry, forwardAtMs: -Infinity });
  }

  async end(ref: StreamRef, end: StreamGone, inMs = 0): Promise<void> {
    const key = keyOf(ref);
    const entry = this.#live.get(key);
    if (inMs > 0 && entry) this.#put(key, { ...entry, end, endsAtMs: this.#nowMs() + inMs });
    else this.#finish(key, end);
  }

  async discover(stream: WatchedStream, forwardInMs: number): Promise<void> {
    const key = keyOf(stream);
    if (!this.#silent.has(key) && !this.#live.get(key)?.doubted) await this.adopt(stream, forwardInMs);
  }

  async adopt(stream: WatchedStream, forwardInMs: number, silentInMs = stream.silenceMs): Promise<void> {
    const key = keyOf(stream);
    const known = this.#live.get(key);
    if (this.#over.has(key) || (known?.stream && !known.doubted)) return;
    this.#watch(key, stream, this.#nowMs() + forwardInMs, silentInMs);
  }

  async sweep(most: number): Promise<Sweep> {
    const nowMs = this.#nowMs();
    if (nowMs - this.#sweptAtMs > SWEEP_GAP_MS) this.#graceUntilMs = nowMs + this.#options.graceMs;
    this.#sweptAtMs = nowMs;
    for (const [key, { forgetAtMs }] of this.#over) {
      if (forgetAtMs > nowMs) break;
      this.#over.delete(key);
    }
    const silent = nowMs < this.#graceUntilMs ? [] : this.#takeSilent(nowMs, most);
    const unread: string[] = [];
    for (const [userId, atMs] of this.#unread) {
      if (unread.length >= most) break;
      if (atMs > nowMs) continue;
      this.#unread.set(userId, nowMs + CLAIM_MS);
      unread.push(userId);
    }
    return { silent, unread, mustRecover: !this.#recovered() };
  }

  async claim(refs: readonly StreamRef[], forMs = CLAIM_MS): Promise<void> {
    const claimEndsAtMs = this.#nowMs() + forMs;
    for (const ref of refs) {
      const silent = this.#silent.get(keyOf(ref));
      if (silent) this.#silent.set(keyOf(ref), { ...silent, claimEndsAtMs });
    }
  }

  async tell(refs: readonly StreamRef[]): Promise<readonly StreamRef[]> {
    return refs.filter((ref) => {
      const silent = this.#silent.get(keyOf(ref));
      if (silent) this.#silent.set(keyOf(ref), { ...silent, told: true });
      return silent;
    });
  }

  async doubt(userIds: ReadonlySet<string>): Promise<number> {
    let streams = 0;
    for (const [key, entry] of this.#live) {
      if (!entry.stream || entry.end || !userIds.has(entry.ref.userId)) continue;
      this.#live.set(key, { ...entry, doubted: true });
      streams += 1;
    }
    return streams;
  }

  async readLater(userIds: readonly string[], inMs: number): Promise<void> {
    for (const userId of userIds) this.#unread.set(userId, this.#nowMs() + inMs);
  }

  async noteRead(userId: string): Promise<void> {
    this.#unread.delete(userId);
  }

  async unread(): Promise<number> {
    return this.#unread.size;
  }

  async beginRecovery(): Promise<boolean> {
    const nowMs = this.#nowMs();
    if (this.#recovered() || this.#recoveringUntilMs > nowMs) return false;
    this.#recoveringEpoch = this.#epoch;
    this.#recoveringUntilMs = nowMs + RECOVERY_MS;
    return true;
  }

  async renewRecovery(): Promise<void> {
    this.#recoveringUntilMs = this.#nowMs() + RECOVERY_MS;
  }

  async endRecovery(): Promise<void> {
    this.#recoveredEpoch = this.#recoveringEpoch;
    await this.giveUpRecovery();
  }

  async giveUpRecovery(): Promise<void> {
    this.#recoveringUntilMs = -Infinity;
  }

  async requireRecovery(): Promise<void> {
    this.#epoch += 1;
  }

  async unknown(refs: readonly StreamRef[]): Promise<readonly StreamRef[]> {
    return refs.filter((ref) => [this.#live, this.#silent, this.#over].every((known) => !known.has(keyOf(ref))));
  }

  async size(): Promise<number> {
    return this.#live.size;
  }

  #recovered(): boolean {
    return this.#recoveredEpoch === this.#epoch;
  }

  /** New ones first: those that could not be reported before must not be in their way. */
  #takeSilent(nowMs: number, most: number): StreamRef[] {
    const refs: StreamRef[] = [];
    const claim = (key: string, silent: Pick<Silent, 'entry' | 'told'>): void => {
      this.#silent.set(key, { ...silent, claimEndsAtMs: nowMs + CLAIM_MS });
      refs.push(silent.entry.ref);
    };
    for (const [key, entry] of this.#live) {
      if (refs.length >= most) break;
      if (entry.end && entry.endsAtMs <= nowMs) this.#finish(key, entry.end);
      else if (!entry.end && entry.silentAtMs <= nowMs) {
        this.#live.delete(key);
        claim(key, { entry, told: false });
      }
    }
    for (const [key, silent] of this.#silent) {
      if (refs.length >= most) break;
      if (silent.claimEndsAtMs <= nowMs) claim(key, silent);
    }
    return refs;
  }

  #watch(key: string, stream: WatchedStream, forwardAtMs: number, silentInMs = stream.silenceMs): void {
    const { userId, streamId } = stream;
    const silentAtMs = this.#nowMs() + silentInMs;
    this.#put(key, { ref: { userId, streamId }, stream, silentAtMs, forwardAtMs, endsAtMs: Infinity });
  }

  #put(key: string, entry: Entry): void {
    this.#silent.delete(key);
    this.#live.set(key, entry);
  }

  #finish(key: string, end: StreamGone): void {
    this.#live.delete(key);
    this.#silent.delete(key);
    this.#over.delete(key);
    this.#over.set(key, { end, forgetAtMs: this.#nowMs() + this.#options.rememberEndsMs });
  }
}
