import type { StreamGone } from '../../client/session-errors.ts';
import { StoreUnavailableError } from '../redis/connection.ts';
import {
  CLAIM_MS,
  keyOf,
  type BeatOutcome,
  type BeatStore,
  type BeatStoreOptions,
  type StreamRef,
  type Sweep,
  type WatchedStream,
} from './beat-store.ts';
import { LocalBeats, type Resumed } from './local-beats.ts';
import type { RedisBeatStore } from './redis-beat-store.ts';

/** A store that can be told what was heard while it was away. */
export type ResumableBeatStore = BeatStore & Pick<RedisBeatStore, 'resume' | 'shortenGrace'>;

export interface ResilientBeatStoreOptions extends BeatStoreOptions {
  /** See `OtherGateways`. */
  readonly leftToThis: (streams: readonly StreamRef[]) => Promise<readonly StreamRef[]>;
}

/** More at once would take so long that they count as unanswered. */
const RESUMED_AT_ONCE = 200;
/** So long gateways have to tell the shared store what they heard, once it is back. */
const RESUME_TIME_MS = 5_000;

/**
 * A shared store that a gateway can do without. While it is away:
 *
 * - steps that change it throw `StoreUnavailableError`, as those of the store itself; what they say is noted all the same;
 * - a beat of a stream that this gateway heard of is `unshared`: its account is to be told, so that no other gateway takes it for lost;
 * - sweeps find the streams that were last heard of here and are silent, unless other gateways reach the store and watch them there.
 *
 * When it is back, it learns from each gateway what that heard, so that who fell silent meanwhile is found on time, and which ends
 * it missed.
 */
export class ResilientBeatStore implements BeatStore {
  readonly #shared: ResumableBeatStore;
  readonly #options: ResilientBeatStoreOptions;
  readonly #nowMs: () => number;
  readonly #local: LocalBeats;
  readonly #startedAtMs: number;
  #awaySinceMs: number | undefined;
  #mustRecover = true;
  #recoveryRequired = false;
  /** Silent here, and nobody else's. */
  #left: readonly StreamRef[] = [];
  #isAsking = false;

  constructor(
    shared: ResumableBeatStore,
    options: ResilientBeatStoreOptions,
    nowMs: () => number = () => performance.now(),
  ) {
    this.#shared = shared;
    this.#options = options;
    this.#nowMs = nowMs;
    this.#startedAtMs = nowMs();
    this.#local = new LocalBeats(options.rememberEndsMs, nowMs);
  }

  async expect(ref: StreamRef, silenceMs: number): Promise<void> {
    this.#local.expect(ref, silenceMs);
    await this.#ask(() => this.#shared.expect(ref, silenceMs));
  }

  async confirm(stream: WatchedStream): Promise<void> {
    this.#local.confirm(stream);
    await this.#ask(() => this.#shared.confirm(stream));
  }

  async cancel(ref: StreamRef): Promise<void> {
    this.#local.forget(ref);
    await this.#ask(() => this.#shared.cancel(ref));
  }

  async beat(ref: StreamRef, deviceId?: string): Promise<BeatOutcome> {
    try {
      const outcome = await this.#ask(() => this.#shared.beat(ref, deviceId));
      if (outcome.state === 'alive' && !outcome.ending) this.#local.hear(outcome.stream);
      else if (outcome.state === 'alive' || outcome.state === 'over') this.#local.forget(ref);
      else this.#local.beat(ref);
      return outcome;
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      const end = this.#local.endOf(ref);
      if (end) return { state: 'over', end };
      const device = this.#local.deviceOf(ref);
      if (device !== undefined && deviceId !== undefined && device !== deviceId) return { state: 'otherDevice' };
      const heard = this.#local.beat(ref);
      if (!heard) throw error;
      return { state: 'unshared', ...heard };
    }
  }

  async forwardAgain(ref: StreamRef): Promise<void> {
    await this.#ask(() => this.#shared.forwardAgain(ref));
  }

  async end(ref: StreamRef, end: StreamGone, inMs = 0): Promise<void> {
    try {
      await this.#ask(() => this.#shared.end(ref, end, inMs));
      this.#local.forget(ref);
    } catch (error) {
      this.#local.end(ref, end, inMs);
      throw error;
    }
  }

  async discover(stream: WatchedStream, forwardInMs: number): Promise<void> {
    await this.#ask(() => this.#shared.discover(stream, forwardInMs));
  }

  async adopt(stream: WatchedStream, forwardInMs: number, silentInMs = stream.silenceMs): Promise<void> {
    this.#local.adopt(stream, silentInMs);
    await this.#ask(() => this.#shared.adopt(stream, forwardInMs, silentInMs));
  }

  async sweep(most: number): Promise<Sweep> {
    try {
      return await this.#ask(() => this.#sweepShared(most));
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      this.#recoveryRequired = true;
      if (!this.#isAsking) void this.#askOthers(most);
      const silent = this.#local.find(this.#left.slice(0, most));
      this.#left = this.#left.slice(most);
      return { silent, unread: [], mustRecover: this.#mustRecover };
    }
  }

  /** Beside the sweeps, which go on. Where nobody can be asked, what is silent is found again later. */
  async #askOthers(most: number): Promise<void> {
    const silent = this.#local.takeSilent(most, this.#awaySinceMs ?? this.#nowMs());
    this.#isAsking = true;
    try {
      const left = await this.#options.leftToThis(silent);
      const keys = new Set(left.map(keyOf));
      this.#local.leave(silent.filter((ref) => !keys.has(keyOf(ref))));
      this.#left = [...this.#left, ...left];
    } catch {
      // Temporal does not answer, which is told elsewhere, and no account could be told of a loss either; or the others are busy.
    } finally {
      this.#isAsking = false;
    }
  }

  async tell(refs: readonly StreamRef[]): Promise<readonly StreamRef[]> {
    return await this.#ask(() => this.#shared.tell(refs)).catch((error: unknown) => {
      if (error instanceof StoreUnavailableError) return this.#local.stillSilent(refs);
      throw error;
    });
  }

  async claim(refs: readonly StreamRef[], forMs = CLAIM_MS): Promise<void> {
    this.#local.claim(refs, forMs);
    await this.#ask(() => this.#shared.claim(refs, forMs)).catch((error: unknown) => {
      if (!(error instanceof StoreUnavailableError)) throw error;
    });
  }

  async doubt(userIds: ReadonlySet<string>): Promise<number> {
    return await this.#ask(() => this.#shared.doubt(userIds));
  }

  async readLater(userIds: readonly string[], inMs: number): Promise<void> {
    await this.#ask(() => this.#shared.readLater(userIds, inMs));
  }

  async noteRead(userId: string): Promise<void> {
    await this.#ask(() => this.#shared.noteRead(userId));
  }

  async unread(): Promise<number> {
    return await this.#ask(() => this.#shared.unread());
  }

  async beginRecovery(): Promise<boolean> {
    return await this.#ask(() => this.#shared.beginRecovery()).catch((error: unknown) => {
      // The next sweep that the store answers asks for it.
      if (error instanceof StoreUnavailableError) return false;
      throw error;
    });
  }

  async renewRecovery(): Promise<void> {
    await this.#ask(() => this.#shared.renewRecovery());
  }

  async endRecovery(): Promise<void> {
    await this.#ask(() => this.#shared.endRecovery());
  }

  async giveUpRecovery(): Promise<void> {
    await this.#ask(() => this.#shared.giveUpRecovery());
  }

  /** Of a store that is away once it is back. */
  async requireRecovery(): Promise<void> {
    this.#recoveryRequired = true;
  }

  async unknown(refs: readonly StreamRef[]): Promise<readonly StreamRef[]> {
    return await this.#ask(() => this.#shared.unknown(refs));
  }

  async size(): Promise<number> {
    return await this.#ask(() => this.#shared.size());
  }

  async #sweepShared(most: number): Promise<Sweep> {
    const wasAway = this.#awaySinceMs !== undefined;
    if (wasAway) await this.#tellShared();
    if (this.#recoveryRequired) await this.#shared.requireRecovery();
    this.#recoveryRequired = false;
    const sweep = await this.#shared.sweep(most);
    // Nobody swept, but gateways heard beats and told accounts of them: who did not beat need not be waited for once more.
    const heardLongEnough = this.#nowMs() - this.#startedAtMs > this.#options.graceMs;
    if (wasAway && heardLongEnough) await this.#shared.shortenGrace(RESUME_TIME_MS);
    this.#awaySinceMs = undefined;
    this.#left = [];
    this.#mustRecover = sweep.mustRecover;
    this.#local.forgetSilent();
    return sweep;
  }

  async #tellShared(): Promise<void> {
    await inChunks(this.#local.ends(), ({ ref, end, inMs }) => this.#shared.end(ref, end, inMs));
    await inChunks(this.#local.live(), (resumed: Resumed) => this.#shared.resume(resumed));
    this.#local.forgetEnds();
  }

  async #ask<Answer>(step: () => Promise<Answer>): Promise<Answer> {
    try {
      return await step();
    } catch (error) {
      if (error instanceof StoreUnavailableError) this.#awaySinceMs ??= this.#nowMs();
      throw error;
    }
  }
}

async function inChunks<Item>(items: readonly Item[], tell: (item: Item) => Promise<void>): Promise<void> {
  for (let from = 0; from < items.length; from += RESUMED_AT_ONCE) {
    await Promise.all(items.slice(from, from + RESUMED_AT_ONCE).map(tell));
  }
}
