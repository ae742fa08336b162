import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { StreamGone } from '../../client/session-errors.ts';
import { callRedis, REDIS_PREFIX, type SharedRedis } from '../redis/connection.ts';
import { redisScript, type RedisScript } from '../redis/script.ts';
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
import type { Resumed } from './local-beats.ts';
import {
  BEAT,
  BEGIN_RECOVERY,
  CANCEL,
  DOUBT,
  END,
  END_RECOVERY,
  EXPECT,
  FALL_SILENT,
  FORWARD_AGAIN,
  RENEW_RECOVERY,
  RESUME,
  SET_TIMES,
  SHORTEN_GRACE,
  SWEEP,
  TELL,
  WATCH,
} from './redis-beat-scripts.ts';

const STREAM = `${REDIS_PREFIX}:stream:`;
const DEADLINES = `${REDIS_PREFIX}:deadlines`;
const SILENT = `${REDIS_PREFIX}:silent`;
const SWEPT = `${REDIS_PREFIX}:swept`;
const GRACE = `${REDIS_PREFIX}:grace-until`;
const EPOCH = `${REDIS_PREFIX}:epoch`;
const RECOVERED = `${REDIS_PREFIX}:recovered-epoch`;
const RECOVERING = `${REDIS_PREFIX}:recovering`;
const UNREAD = `${REDIS_PREFIX}:unread`;
/** A script has room for some thousand arguments. */
const MEMBERS_AT_ONCE = 1_000;

const beatReply = z.tuple([
  z.enum(['alive', 'over', 'otherDevice', 'told', 'unknown']),
  z.string(),
  z.number(),
  z.number(),
  z.string(),
]);
const members = z.array(z.string());
const sweepReply = z.tuple([z.number(), members, members, members]);

/** For several gateways. Every method may throw `StoreUnavailableError`. What Redis forgets is recovered from the accounts. */
export class RedisBeatStore implements BeatStore {
  readonly #redis: SharedRedis;
  readonly #options: BeatStoreOptions;
  readonly #scripts;
  /** Who recovers: this gateway. */
  readonly #id = randomUUID();
  #recoveringEpoch = '';

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
      doubt: redisScript(redis, DOUBT),
      tell: redisScript(redis, TELL),
      setTimes: redisScript(redis, SET_TIMES),
      beginRecovery: redisScript(redis, BEGIN_RECOVERY),
      renewRecovery: redisScript(redis, RENEW_RECOVERY),
      endRecovery: redisScript(redis, END_RECOVERY),
    };
  }

  async expect(ref: StreamRef, silenceMs: number): Promise<void> {
    await this.#scripts.expect(keysOf(ref), [keyOf(ref), silenceMs, this.#options.rememberEndsMs]);
  }

  async confirm(stream: WatchedStream): Promise<void> {
    await this.#watch(stream, stream.forwardEveryMs, 'confirm');
  }

  async cancel(ref: StreamRef): Promise<void> {
    await this.#scripts.cancel(keysOf(ref), [keyOf(ref)]);
  }

  async beat(ref: StreamRef, deviceId = ''): Promise<BeatOutcome> {
    const keys = [...keysOf(ref), EPOCH, RECOVERED, UNREAD];
    const reply = await this.#scripts.beat(keys, [keyOf(ref), this.#options.rememberEndsMs, ref.userId, deviceId]);
    const [state, stream, expiresInMs, forward, end] = beatReply.parse(reply);
    if (state === 'told' || state === 'otherDevice') return { state };
    if (state === 'unknown') return { state, recovering: forward === 1 };
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
    await this.#scripts.forwardAgain([STREAM + keyOf(ref)], []);
  }

  async end(ref: StreamRef, end: StreamGone, inMs = 0): Promise<void> {
    const args = [keyOf(ref), JSON.stringify(end), Math.ceil(inMs), this.#options.rememberEndsMs];
    await this.#scripts.end(keysOf(ref), args);
  }

  async discover(stream: WatchedStream, forwardInMs: number): Promise<void> {
    await this.#watch(stream, forwardInMs, 'discover');
  }

  async adopt(stream: WatchedStream, forwardInMs: number, silentInMs?: number): Promise<void> {
    await this.#watch(stream, forwardInMs, 'adopt', silentInMs);
  }

  /** What a gateway heard of a stream while Redis was away: the latest counts. An end that is known holds. */
  async resume({ ref, stream, silentInMs }: Resumed): Promise<void> {
    if (!stream) return await this.expect(ref, Math.max(0, silentInMs));
    const { silenceMs, forwardEveryMs } = stream;
    const args = [silenceMs, forwardEveryMs, this.#options.rememberEndsMs, silentInMs];
    await this.#scripts.resume(keysOf(ref), [keyOf(ref), JSON.stringify(stream), ...args]);
  }

  /** After a pause of the sweeps in which gateways heard beats all the same, silent streams are found again so much later. */
  async shortenGrace(mostMs: number): Promise<void> {
    await this.#scripts.shortenGrace([GRACE], [mostMs]);
  }

  async sweep(most: number): Promise<Sweep> {
    const { graceMs, rememberEndsMs } = this.#options;
    const keys = [DEADLINES, SILENT, SWEPT, GRACE, EPOCH, RECOVERED, UNREAD];
    const reply = sweepReply.parse(await this.#scripts.sweep(keys, [most, CLAIM_MS, SWEEP_GAP_MS, graceMs]));
    const [mustRecover, due, again, unread] = reply;
    // Each by itself, so that a script touches no keys but those it names. Another gateway may be first, or a beat.
    const silent = await filterByScript(due.map(refOf), this.#scripts.fallSilent, [CLAIM_MS, rememberEndsMs]);
    return { silent: [...silent, ...again.map(refOf)], unread, mustRecover: mustRecover === 1 };
  }

  async tell(refs: readonly StreamRef[]): Promise<readonly StreamRef[]> {
    return await filterByScript(refs, this.#scripts.tell, []);
  }

  async claim(refs: readonly StreamRef[], forMs = CLAIM_MS): Promise<void> {
    await this.#setTimes(SILENT, refs.map(keyOf), forMs, 'XX');
  }

  async doubt(userIds: ReadonlySet<string>): Promise<number> {
    let streams = 0;
    let cursor = '0';
    do {
      const [next, entries] = await callRedis(this.#redis, () =>
        this.#redis.zscan(DEADLINES, cursor, 'COUNT', MEMBERS_AT_ONCE),
      );
      cursor = next;
      const refs = entries.filter((_, index) => index % 2 === 0).map(refOf);
      const theirs = refs.filter(({ userId }) => userIds.has(userId));
      streams += (await filterByScript(theirs, this.#scripts.doubt, [])).length;
    } while (cursor !== '0');
    return streams;
  }

  async readLater(userIds: readonly string[], inMs: number): Promise<void> {
    await this.#setTimes(UNREAD, userIds, inMs, 'CH');
  }

  async noteRead(userId: string): Promise<void> {
    await callRedis(this.#redis, () => this.#redis.zrem(UNREAD, userId));
  }

  async unread(): Promise<number> {
    return await callRedis(this.#redis, () => this.#redis.zcard(UNREAD));
  }

  async beginRecovery(): Promise<boolean> {
    const args = [randomUUID(), this.#id, RECOVERY_MS];
    const epoch = z.string().parse(await this.#scripts.beginRecovery([EPOCH, RECOVERED, RECOVERING], args));
    if (epoch !== '') this.#recoveringEpoch = epoch;
    return epoch !== '';
  }

  async renewRecovery(): Promise<void> {
    await this.#scripts.renewRecovery([RECOVERING], [this.#id, RECOVERY_MS]);
  }

  async endRecovery(): Promise<void> {
    await this.#scripts.endRecovery([EPOCH, RECOVERED, RECOVERING], [this.#recoveringEpoch, this.#id]);
  }

  async giveUpRecovery(): Promise<void> {
    await this.#scripts.endRecovery([EPOCH, RECOVERED, RECOVERING], ['', this.#id]);
  }

  async requireRecovery(): Promise<void> {
    await callRedis(this.#redis, () => this.#redis.set(EPOCH, randomUUID()));
  }

  async unknown(refs: readonly StreamRef[]): Promise<readonly StreamRef[]> {
    const known = await callRedis(this.#redis, () =>
      Promise.all(refs.map((ref) => this.#redis.exists(STREAM + keyOf(ref)))),
    );
    return refs.filter((_, index) => known[index] === 0);
  }

  async size(): Promise<number> {
    return await callRedis(this.#redis, () => this.#redis.zcard(DEADLINES));
  }

  async #setTimes(key: string, members: readonly string[], inMs: number, which: 'XX' | 'CH'): Promise<void> {
    for (let index = 0; index < members.length; index += MEMBERS_AT_ONCE) {
      await this.#scripts.setTimes([key], [inMs, which, ...members.slice(index, index + MEMBERS_AT_ONCE)]);
    }
  }

  async #watch(
    stream: WatchedStream,
    forwardInMs: number,
    how: 'confirm' | 'adopt' | 'discover',
    silentInMs = stream.silenceMs,
  ): Promise<void> {
    const { silenceMs, forwardEveryMs } = stream;
    const times = [silenceMs, forwardEveryMs, Math.ceil(forwardInMs), Math.ceil(silentInMs)];
    await this.#scripts.watch(keysOf(stream), [keyOf(stream), JSON.stringify(stream), ...times, how]);
  }
}

/** Those for which the script answers 1. */
async function filterByScript(
  refs: readonly StreamRef[],
  script: RedisScript,
  args: readonly number[],
): Promise<readonly StreamRef[]> {
  const answers = await Promise.all(refs.map((ref) => script(keysOf(ref), [keyOf(ref), ...args])));
  return refs.filter((_, index) => answers[index] === 1);
}

function keysOf(ref: StreamRef): readonly string[] {
  return [STREAM + keyOf(ref), DEADLINES, SILENT];
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
