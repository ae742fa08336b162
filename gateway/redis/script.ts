import { createHash } from 'node:crypto';
import { callRedis, type SharedRedis } from './connection.ts';

/** A Lua script that Redis runs as one atomic step. @throws StoreUnavailableError */
export type RedisScript = (keys: readonly string[], args: readonly (string | number)[]) => Promise<unknown>;

/**
 * Sent by its hash; Redis gets the text when it does not know it, after a restart. Whatever keys it touches are to be given as
 * `keys`.
 *
 * @param timeoutMs longest wait, milliseconds; default 250
 */
export function redisScript(redis: SharedRedis, lua: string, timeoutMs?: number): RedisScript {
  const sha = createHash('sha1').update(lua).digest('hex');
  return async (keys, args) => {
    const call = async (): Promise<unknown> => {
      try {
        return await redis.evalsha(sha, keys.length, ...keys, ...args);
      } catch (error) {
        if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
        return await redis.eval(lua, keys.length, ...keys, ...args);
      }
    };
    return await callRedis(redis, call, timeoutMs);
  };
}
