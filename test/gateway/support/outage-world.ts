import assert from 'node:assert/strict';
import type { StreamGone } from '../../../client/session-errors.ts';
import { StoreUnavailableError } from '../../../gateway/redis/connection.ts';
import type { BeatOutcome, StreamRef, Sweep, WatchedStream } from '../../../gateway/watch/beat-store.ts';
import type { Resumed } from '../../../gateway/watch/local-beats.ts';
import { ResilientBeatStore, type ResumableBeatStore } from '../../../gateway/watch/resilient-beat-store.ts';

/** Of the default policy, in seconds: 45 of lease, 2 of them for the report. */
export const SILENCE = 43;
const INTERVAL = 15;
const OPTIONS = { graceMs: 45_000, rememberEndsMs: 900_000 };

interface Player {
  readonly ref: StreamRef;
  nextBeat: number;
  lastBeat: number;
  beats: number;
  crashedAt: number | undefined;
  freedAt: number | undefined;
}

export interface WorldPlan {
  readonly gateways: number;
  readonly players: number;
  /** Seconds from which to which the shared store is away, and whether it loses its data. */
  readonly outages: readonly { readonly from: number; readonly seconds: number; readonly losesData: boolean }[];
  /** When one gateway alone does not reach it. */
  readonly cuts?: readonly { readonly gateway: number; readonly from: number; readonly seconds: number }[];
  /** Second at which a player crashes; the others play on. */
  readonly crashes: readonly (number | undefined)[];
  /** Which beats of a player never arrive: not two in a row. */
  readonly lost: (player: number, beat: number) => boolean;
  /** Which gateway gets a beat. */
  readonly route: (player: number, second: number) => number;
}

/** Gateways that share a store which comes and goes, accounts, and players, on a clock of whole seconds. */
export class OutageWorld {
  second = 0;
  readonly players: readonly Player[];
  readonly #plan: WorldPlan;
  readonly #shared: SharedModel;
  readonly #gateways: readonly ResilientBeatStore[];
  /** When each account heard of its stream. */
  readonly #heard = new Map<string, number>();

  constructor(plan: WorldPlan) {
    this.#plan = plan;
    this.#shared = new SharedModel(() => this.second * 1_000);
    this.#gateways = Array.from({ length: plan.gateways }, (_, index) => {
      const view = cutOff(this.#shared, () => this.#isCut(index));
      const options = { ...OPTIONS, leftToThis: (refs: readonly StreamRef[]) => this.#leftToThis(refs) };
      return new ResilientBeatStore(view, options, () => this.second * 1_000);
    });
    this.players = Array.from({ length: plan.players }, (_, index) => ({
      ref: { userId: `u${index}`, streamId: 's' },
      nextBeat: 1 + (index % INTERVAL),
      lastBeat: 0,
      beats: 0,
      crashedAt: plan.crashes[index],
      freedAt: undefined,
    }));
  }

  async play(seconds: number): Promise<void> {
    for (const player of this.players) {
      await this.#gatewayOf(player).confirm(watched(player.ref));
      this.#heard.set(player.ref.userId, 0);
    }
    while (this.second < seconds) {
      this.second += 1;
      for (const { from, seconds: length, losesData } of this.#plan.outages) {
        if (this.second === from) this.#shared.away = true;
        if (this.second === from && losesData) this.#shared.lose();
        if (this.second === from + length) this.#shared.away = false;
      }
      for (const player of this.players) await this.#beat(player);
      for (const gateway of this.#gateways) await this.#sweep(gateway);
    }
  }

  #isCut(index: number): boolean {
    const cuts = this.#plan.cuts ?? [];
    return cuts.some(
      ({ gateway, from, seconds }) =>
        gateway % this.#plan.gateways === index && this.second >= from && this.second < from + seconds,
    );
  }

  /** As `OtherGateways` has it: from whichever gateway reaches the store. */
  async #leftToThis(refs: readonly StreamRef[]): Promise<readonly StreamRef[]> {
    const isReached = !this.#shared.away && this.#gateways.some((_, index) => !this.#isCut(index));
    return isReached ? await this.#shared.unknown(refs) : refs;
  }

  #gatewayOf({ ref }: Player): ResilientBeatStore {
    const index = this.#plan.route(Number(ref.userId.slice(1)), this.second);
    return this.#gateways[index % this.#gateways.length] ?? assert.fail();
  }

  async #beat(player: Player): Promise<void> {
    if (player.crashedAt !== undefined && player.crashedAt <= this.second) return;
    if (player.nextBeat > this.second) return;
    player.nextBeat = this.second + INTERVAL;
    player.beats += 1;
    if (this.#plan.lost(Number(player.ref.userId.slice(1)), player.beats)) return;
    player.lastBeat = this.second;
    const gateway = this.#gatewayOf(player);
    const outcome = await gateway.beat(player.ref).catch(unavailable);
    assert.notEqual(outcome?.state, 'over', `${player.ref.userId} beats and is told that it is over`);
    if (outcome?.state === 'alive') return;
    // As `StreamWatch` does: told or looked up, and watched from then on.
    if (outcome?.state !== 'unknown') this.#heard.set(player.ref.userId, this.second);
    await gateway.adopt(watched(player.ref), 60_000).catch(unavailable);
  }

  async #sweep(gateway: ResilientBeatStore): Promise<void> {
    const { silent } = await gateway.sweep(1_000);
    for (const ref of await gateway.tell(silent)) {
      const player = this.players.find((one) => one.ref.userId === ref.userId) ?? assert.fail();
      // An account ignores the loss of a stream that it heard of within its silence; what is left of that is awaited.
      const left = SILENCE - (this.second - (this.#heard.get(ref.userId) ?? 0));
      if (left <= 0) player.freedAt ??= this.second;
      const step =
        player.freedAt === undefined
          ? gateway.adopt(watched(ref), 60_000, left * 1_000)
          : gateway.end(ref, { reason: 'expired' });
      await step.catch(unavailable);
    }
  }
}

function watched(ref: StreamRef): WatchedStream {
  const times = { silenceMs: SILENCE * 1_000, heartbeatIntervalMs: INTERVAL * 1_000, forwardEveryMs: 3_600_000 };
  return { ...ref, deviceId: 'tv', ...times };
}

function unavailable(error: unknown): undefined {
  if (!(error instanceof StoreUnavailableError)) throw error;
}

/** The store as a gateway has it that does not always reach it. */
function cutOff(store: SharedModel, isCut: () => boolean): ResumableBeatStore {
  return new Proxy(store, {
    get: (target, name) => {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      return async (...args: unknown[]): Promise<unknown> => {
        if (isCut()) throw new StoreUnavailableError(new Error('cut off'));
        return await Reflect.apply(method, target, args);
      };
    },
  });
}

interface Entry {
  readonly ref: StreamRef;
  readonly stream?: WatchedStream;
  readonly deadlineMs: number;
  readonly told?: boolean;
  readonly end?: StreamGone;
}

/** The shared store as its scripts have it, as far as the world asks. */
class SharedModel implements ResumableBeatStore {
  away = false;
  readonly #entries = new Map<string, Entry>();
  readonly #nowMs: () => number;
  #sweptAtMs = -Infinity;
  #graceUntilMs = -Infinity;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  lose(): void {
    this.#entries.clear();
    this.#sweptAtMs = -Infinity;
    this.#graceUntilMs = -Infinity;
  }

  async expect(ref: StreamRef, silenceMs: number): Promise<void> {
    this.#reach();
    this.#entries.set(ref.userId, { ref, deadlineMs: this.#nowMs() + silenceMs });
  }

  async confirm(stream: WatchedStream): Promise<void> {
    this.#reach();
    this.#watch(stream, stream.silenceMs);
  }

  async cancel(ref: StreamRef): Promise<void> {
    this.#reach();
    this.#entries.delete(ref.userId);
  }

  async beat(ref: StreamRef): Promise<BeatOutcome> {
    this.#reach();
    const entry = this.#entries.get(ref.userId);
    if (entry?.end) return { state: 'over', end: entry.end };
    if (!entry?.stream) return { state: 'unknown', recovering: false };
    const { stream, told } = entry;
    if (told) return { state: 'told' };
    this.#watch(stream, stream.silenceMs);
    return { state: 'alive', stream, expiresInMs: stream.silenceMs, forward: false };
  }

  async forwardAgain(): Promise<void> {
    this.#reach();
  }

  async end(ref: StreamRef, end: StreamGone): Promise<void> {
    this.#reach();
    this.#entries.set(ref.userId, { ref, end, deadlineMs: Infinity });
  }

  async adopt(stream: WatchedStream, _forwardInMs: number, silentInMs = stream.silenceMs): Promise<void> {
    this.#reach();
    const entry = this.#entries.get(stream.userId);
    if (!entry?.end && (entry === undefined || entry.deadlineMs === Infinity)) this.#watch(stream, silentInMs);
  }

  async resume({ ref, stream, silentInMs }: Resumed): Promise<void> {
    this.#reach();
    const entry = this.#entries.get(ref.userId);
    if (entry?.end || !stream || (entry && entry.deadlineMs >= this.#nowMs() + silentInMs)) return;
    this.#watch(stream, silentInMs);
  }

  async shortenGrace(mostMs: number): Promise<void> {
    this.#reach();
    this.#graceUntilMs = Math.min(this.#graceUntilMs, this.#nowMs() + mostMs);
  }

  async sweep(): Promise<Sweep> {
    this.#reach();
    const nowMs = this.#nowMs();
    if (nowMs - this.#sweptAtMs > 5_000) this.#graceUntilMs = nowMs + OPTIONS.graceMs;
    this.#sweptAtMs = nowMs;
    if (nowMs < this.#graceUntilMs) return { silent: [], unread: [], mustRecover: false };
    const due = [...this.#entries.values()].filter(({ deadlineMs }) => deadlineMs <= nowMs);
    for (const entry of due) this.#entries.set(entry.ref.userId, { ...entry, deadlineMs: Infinity });
    return { silent: due.map(({ ref }) => ref), unread: [], mustRecover: false };
  }

  async tell(refs: readonly StreamRef[]): Promise<readonly StreamRef[]> {
    this.#reach();
    const silent = refs.filter(({ userId }) => {
      const entry = this.#entries.get(userId);
      return entry?.deadlineMs === Infinity && !entry.end;
    });
    for (const ref of silent)
      this.#entries.set(ref.userId, { ...this.#entries.get(ref.userId), ref, deadlineMs: Infinity, told: true });
    return silent;
  }

  async discover(stream: WatchedStream): Promise<void> {
    this.#reach();
    if (!this.#entries.has(stream.userId)) this.#watch(stream, stream.silenceMs);
  }

  async claim(): Promise<void> {
    this.#reach();
  }

  async doubt(): Promise<number> {
    this.#reach();
    return 0;
  }

  async readLater(): Promise<void> {
    this.#reach();
  }

  async noteRead(): Promise<void> {
    this.#reach();
  }

  async unread(): Promise<number> {
    this.#reach();
    return 0;
  }

  async beginRecovery(): Promise<boolean> {
    this.#reach();
    return false;
  }

  async giveUpRecovery(): Promise<void> {
    this.#reach();
  }

  async renewRecovery(): Promise<void> {
    this.#reach();
  }

  async endRecovery(): Promise<void> {
    this.#reach();
  }

  async requireRecovery(): Promise<void> {
    this.#reach();
  }

  async unknown(refs: readonly StreamRef[]): Promise<readonly StreamRef[]> {
    this.#reach();
    return refs.filter(({ userId }) => !this.#entries.has(userId));
  }

  async size(): Promise<number> {
    this.#reach();
    return this.#entries.size;
  }

  #watch(stream: WatchedStream, silentInMs: number): void {
    const { userId, streamId } = stream;
    this.#entries.set(userId, { ref: { userId, streamId }, stream, deadlineMs: this.#nowMs() + silentInMs });
  }

  #reach(): void {
    if (this.away) throw new StoreUnavailableError(new Error('away'));
  }
}
