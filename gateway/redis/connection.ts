import { Redis } from 'ioredis';
import type { Logger } from 'pino';

/** What gateways share stands under one name, so that other users of the same Redis are left alone. */
export const REDIS_PREFIX = '{stream-sessions}';

/** A command is given up after this, milliseconds: a request must not hang on a store that does not answer. */
const COMMAND_TIMEOUT_MS = 1_000;
const CONNECT_TIMEOUT_MS = 2_000;
const LONGEST_PAUSE_MS = 1_000;

/** The shared store does not answer. What that means is for each part to declare. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';

  constructor(cause: unknown) {
    super('the shared store does not answer', { cause });
  }
}

/**
 * A connection that fails at once while Redis is away, and comes back by itself: `redis://` or `rediss://` (TLS). It connects
 * in the background, also when Redis is not there yet.
 */
export function connectRedis(url: string, logger: Pick<Logger, 'warn' | 'info'>): Redis {
  const redis = new Redis(url, {
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    enableOfflineQueue: false,
    // A command that was sent and not answered may have been carried out: whoever asked decides what to do.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    enableAutoPipelining: true,
    retryStrategy: (attempt) => Math.min(50 * attempt, LONGEST_PAUSE_MS),
  });
  let lost = false;
  redis.on('error', (error: Error) => {
    if (!lost) logger.warn({ error: error.message }, 'Redis is away');
    lost = true;
  });
  redis.on('ready', () => {
    if (lost) logger.info('Redis is back');
    lost = false;
  });
  return redis;
}
