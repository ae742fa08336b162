import { z } from 'zod';
import type { StreamGone } from '../../client/session-errors.ts';
import { callRedis, REDIS_PREFIX, type SharedRedis } from '../redis/connection.ts';
import { redisScript } from '../redis/script.ts';
import {
  CLAIM_MS,
  RECOVERY_MS,
  SWEEP_GAP_MS,
  type BeatOutcome,
  type BeatStore,
  type BeatStoreOptions,
  type StreamRef,
  type Sweep,
  type WatchedStream,
} from './beat-store.ts';
import type { Resumed } from './local-beats.ts';
import {
  BEAT,
  CANCEL,
  END,
  EXPECT,
  FALL_SILENT,
  FORWARD_AGAIN,
  RESUME,
  SHORTEN_GRACE,
  SWEEP,
  WATCH,
} from './redis-beat-scripts.ts';

const STREAM = `${REDIS_PREFIX}:stream:`;
const DEADLINES = `${REDIS_PREFIX}:deadlines`;
const SILENT = `${REDIS_PREFIX}:silent`;
const SWEPT = `${REDIS_PREFIX}:swept`;
const GRACE = `${REDIS_PREFIX}:grace-until`;
const RECOVERED = `${REDIS_PREFIX}:recovered`;
const RECOVERING = `${REDIS_PREFIX}:recovering`;

const beatReply = z.tuple([
  z.enum(['alive', 'over', 'otherDevice', 'silent', 'unknown']),
  z.string(),
  z.number(),
  z.number(),
  z.string(),
]);
const sweepReply = z.tuple([z.number(), z.number()]).rest(z.string());

/** For several gateways. Every method may throw `StoreUnavailableError`. What Redis forgets is recovered from the accounts. */
export class RedisBeatStore implements BeatStore {
  readonly #redis: SharedRedis;
  readonly #options: BeatStoreOptions;
  readonly #scripts;

  constructor(redis: SharedRedis, options: BeatStoreOptions) {
    this.#redis = redis;
    this.#options = options;
    this.#scripts = {
      expect: redisScript(redis, EXPECT),
      watch: redisScript(redis, WATCH),
      cancel: redisScript(redis, CANCEL),
      beat: redisScript(redis, BEAT),
      forwardAgain: redisScript(redis, FORWARD_AGAIN),
      end: redisScript(redis, END),
      sweep: redisScript(redis, SWEEP),
      fallSilent: redisScript(redis, FALL_SILENT),
      resume: redisScript(redis, RESUME),
      shortenGrace: redisScript(redis, SHORTEN_GRACE),
    };
  }

  async expect(ref: StreamRef, silenceMs: number): Promise<void> {
    await this.#scripts.expect(keysOf(ref), [memberOf(ref), silenceMs, this.#options.rememberEndsMs]);
  }

  async confirm(stream: WatchedStream): Promise<void> {
    await this.#watch(stream, stream.forwardEveryMs, 'confirm');
  }

  async cancel(ref: StreamRef): Promise<void> {
    await this.#scripts.cancel(keysOf(ref), [memberOf(ref)]);
  }

  async beat(ref: StreamRef, deviceId = ''): Promise<BeatOutcome> {
    const reply = await this.#scripts.beat(keysOf(ref), [memberOf(ref), this.#options.rememberEndsMs, deviceId]);
    const [state, stream, expiresInMs, forward, end] = beatReply.parse(reply);
    if (state === 'unknown' || state === 'silent' || state === 'otherDevice') return { state };
    if (state === 'over') return { state, end: toEnd(end) };
    return {
      state,
      stream: toStream(stream),
      expiresInMs,
      forward: forward === 1,
      ...(end === '' ? {} : { ending: toEnd(end) }),
    };
  }

  async forwardAgain(ref: StreamRef): Promise<void> {
    await this.#scripts.forwardAgain([STREAM + memberOf(ref)], []);
  }

  async end(ref: StreamRef, end: StreamGone, inMs = 0): Promise<void> {
    const args = [memberOf(ref), JSON.stringify(end), Math.ceil(inMs), this.#options.rememberEndsMs];
    await this.#scripts.end(keysOf(ref), args);
  }

  async adopt(stream: WatchedStream, forwardInMs: number): Promise<void> {
    await this.#watch(stream, forwardInMs, 'adopt');
  }

  /** What a gateway heard of a stream while Redis was away: the latest counts. An end that is known holds. */
  async resume({ ref, stream, silentInMs }: Resumed): Promise<void> {
    if (!stream) return await this.expect(ref, Math.max(0, silentInMs));
    const { silenceMs, forwardEveryMs } = stream;
    const args = [silenceMs, forwardEveryMs, this.#options.rememberEndsMs, silentInMs];
    await this.#scripts.resume(keysOf(ref), [memberOf(ref), JSON.stringify(stream), ...args]);
  }

  /** After a pause of the sweeps in which gateways heard beats all the same, silent streams are found again so much later. */
  async shortenGrace(mostMs: number): Promise<void> {
    await this.#scripts.shortenGrace([GRACE], [mostMs]);
  }

  async sweep(most: number): Promise<Sweep> {
    const { graceMs, rememberEndsMs } = this.#options;
    const keys = [DEADLINES, SILENT, SWEPT, GRACE, RECOVERED];
    const reply = sweepReply.parse(await this.#scripts.sweep(keys, [most, CLAIM_MS, SWEEP_GAP_MS, graceMs]));
    const [mustRecover, handedOutAgain, ...members] = reply;
    const again = members.slice(0, handedOutAgain).map(refOf);
    const due = members.slice(handedOutAgain).map(refOf);
    // Each by itself, so that a script touches no keys but those it names. Another gateway may be first, or a beat.
    const fallen = await Promise.all(
      due.map(async (ref) => await this.#scripts.fallSilent(keysOf(ref), [memberOf(ref), CLAIM_MS, rememberEndsMs])),
    );
    return { silent: [...again, ...due.filter((_, index) => fallen[index] === 1)], mustRecover: mustRecover === 1 };
  }

  async beginRecovery(): Promise<boolean> {
    if ((await callRedis(this.#redis, () => this.#redis.exists(RECOVERED))) === 1) return false;
    return (await callRedis(this.#redis, () => this.#redis.set(RECOVERING, '1', 'PX', RECOVERY_MS, 'NX'))) === 'OK';
  }

  async renewRecovery(): Promise<void> {
    await callRedis(this.#redis, () => this.#redis.pexpire(RECOVERING, RECOVERY_MS));
  }

  async endRecovery(): Promise<void> {
    await callRedis(this.#redis, () => this.#redis.set(RECOVERED, '1'));
    await callRedis(this.#redis, () => this.#redis.del(RECOVERING));
  }

  async requireRecovery(): Promise<void> {
    await callRedis(this.#redis, () => this.#redis.del(RECOVERED));
  }

  async size(): Promise<number> {
    return await callRedis(this.#redis, () => this.#redis.zcard(DEADLINES));
  }

  async #watch(stream: WatchedStream, forwardInMs: number, how: 'confirm' | 'adopt'): Promise<void> {
    const { silenceMs, forwardEveryMs } = stream;
    const times = [silenceMs, forwardEveryMs, Math.ceil(forwardInMs), this.#options.rememberEndsMs];
    await this.#scripts.watch(keysOf(stream), [memberOf(stream), JSON.stringify(stream), ...times, how]);
  }
}

function keysOf(ref: StreamRef): readonly string[] {
  return [STREAM + memberOf(ref), DEADLINES, SILENT];
}

function memberOf({ userId, streamId }: StreamRef): string {
  return JSON.stringify([userId, streamId]);
}

const member = z.tuple([z.string(), z.string()]);

function refOf(text: string): StreamRef {
  const [userId, streamId] = member.parse(JSON.parse(text));
  return { userId, streamId };
}

/** Written by a gateway of the same version or one beside it; the shape is theirs. */
function toStream(text: string): WatchedStream {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only gateways write this key
  return JSON.parse(text) as WatchedStream;
}

function toEnd(text: string): StreamGone {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only gateways write this key
  return JSON.parse(text) as StreamGone;
}
