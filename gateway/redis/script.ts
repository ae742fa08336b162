import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { StoreUnavailableError } from './connection.ts';

/** A Lua script that Redis runs as one atomic step. @throws StoreUnavailableError */
export type RedisScript = (keys: readonly string[], args: readonly (string | number)[]) => Promise<unknown>;

/** Sent by its hash; Redis gets the text when it does not know it, after a restart. */
export function redisScript(redis: Redis, lua: string): RedisScript {
  const sha = createHash('sha1').update(lua).digest('hex');
  return async (keys, args) => {
    try {
      try {
        return await redis.evalsha(sha, keys.length, ...keys, ...args);
      } catch (error) {
        if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
        return await redis.eval(lua, keys.length, ...keys, ...args);
      }
    } catch (error) {
      throw new StoreUnavailableError(error);
    }
  };
}
