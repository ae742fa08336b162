import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { Logger } from 'pino';
import { CircuitBreaker, TimeoutError } from './circuit-breaker.ts';
import { parseRedisUrl } from './redis-url.ts';

/**
 * What gateways share stands under one name, so that other users of the same Redis are left alone. The braces keep all of it in
 * one slot of a Redis Cluster, so that a script may touch any of it.
 */
export const REDIS_PREFIX = '{stream-sessions}';

/** A command that was sent and not answered is forgotten after this, milliseconds. Whoever asked was told long before. */
const COMMAND_TIMEOUT_MS = 3_000;
/** What `ioredis` says then [6.0]. Callers hear it only if this process was blocked for so long: else the breaker was first. */
const COMMAND_TIMED_OUT = 'Command timed out';
const CONNECT_TIMEOUT_MS = 2_000;
const LONGEST_PAUSE_MS = 1_000;
/** A server that hangs does not confirm the end of a connection either. */
const DISCONNECT_TIMEOUT_MS = 100;

/** A write in a script, as all parts need it: refused wherever one of theirs would be. */
const TRIAL = `return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])`;
const TRIAL_KEY = `${REDIS_PREFIX}:trial`;
const TRIAL_KEPT_MS = 10_000;

/** Replies by which a Redis says that it serves nobody who writes, or not this gateway. A script's error has them inside. */
const OUTAGES =
  /(?:^|[\s-])(?:READONLY|NOAUTH|WRONGPASS|CLUSTERDOWN|MASTERDOWN|MOVED|OOM|MISCONF|LOADING|BUSY|NOPERM|NOREPLICAS)\s|The user executing the script can't/u;
/** Of those, what another connection may find to be otherwise: it may lead to another server, or its user was let in again. */
const PERHAPS_OTHERWISE = /(?:^|[\s-])(?:READONLY|NOAUTH|WRONGPASS|CLUSTERDOWN|MASTERDOWN|MOVED)\s/u;

/** The shared store does not answer, or takes nothing. What that means is for each part to declare. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';

  constructor(cause: unknown) {
    super('the shared store does not answer', { cause });
  }
}

/** A connection to one Redis or a Cluster, and the circuit breaker that all commands of gateways go through. */
export type SharedRedis = (Redis | Cluster) & { readonly breaker: CircuitBreaker };

/**
 * A connection that fails at once while Redis is away, and comes back by itself; it connects in the background, also when Redis is
 * not there yet. It is made anew when Redis does not answer or turns out to be a replica, so that the next one leads to the primary.
 *
 * @param url see `parseRedisUrl`
 * @throws RedisUrlError
 */
export function connectRedis(url: string, logger: Pick<Logger, 'warn' | 'info'>): SharedRedis {
  const redis = open(url);
  let connectionError: Error | undefined;
  let leaving = false;
  const lookElsewhere = (error: Error): void => {
    const worthIt = error instanceof TimeoutError || PERHAPS_OTHERWISE.test(error.message);
    if (!worthIt || leaving || redis.status !== 'ready') return;
    leaving = true;
    redis.disconnect(true);
  };
  const breaker = new CircuitBreaker({
    trial: () => redis.eval(TRIAL, 1, TRIAL_KEY, '', TRIAL_KEPT_MS),
    isOutage,
    isOwnDelay: ({ message }) => message === COMMAND_TIMED_OUT,
    onTrialFailed: lookElsewhere,
    onOpen(error) {
      const reason =
        redis.status === 'ready' ? error.message : (connectionError?.message ?? `no connection: ${redis.status}`);
      logger.warn({ reason }, 'Redis does not serve; the gateway goes by its rules for that');
      lookElsewhere(error);
    },
    onClose: (openMs) => logger.info({ awayMs: Math.round(openMs) }, 'Redis serves again'),
  });
  redis.on('error', (error: Error) => (connectionError = error));
  const left = (): boolean => (leaving = false);
  redis.on('close', left);
  redis.on('end', left);
  redis.on('ready', () => {
    connectionError = undefined;
    breaker.tryNow();
  });
  whenClosed(redis, () => breaker.close());
  return Object.assign(redis, { breaker });
}

/** @param timeoutMs longest wait, milliseconds; default 250 @throws StoreUnavailableError */
export async function callRedis<Answer>(
  redis: SharedRedis,
  call: () => Promise<Answer>,
  timeoutMs?: number,
): Promise<Answer> {
  try {
    return await redis.breaker.run(call, timeoutMs);
  } catch (error) {
    throw new StoreUnavailableError(error);
  }
}

/** Another connection to the same Redis, for a subscription; nothing waits for its answers. */
export function openSubscriber(redis: SharedRedis): Redis | Cluster {
  const subscriber = redis instanceof Cluster ? redis.duplicate() : redis.duplicate();
  whenClosed(subscriber, () => undefined);
  return subscriber;
}

/**
 * Tells of the end of a connection that was asked for. Any other end is none: when word of a fail-over comes while it connects by
 * Sentinel, `ioredis` gives up for good [6.0].
 */
function whenClosed(redis: Redis | Cluster, closed: () => void): void {
  const disconnect = redis.disconnect.bind(redis);
  let wanted = false;
  redis.disconnect = (reconnect = false) => {
    wanted ||= !reconnect;
    disconnect(reconnect);
    if (wanted) closed();
  };
  redis.on('end', () => {
    if (wanted) return;
    setTimeout(() => {
      if (!wanted) redis.connect().catch(() => undefined);
    }, LONGEST_PAUSE_MS).unref();
  });
}

function retryStrategy(attempt: number): number {
  return Math.min(50 * attempt, LONGEST_PAUSE_MS);
}

function open(url: string): Redis | Cluster {
  const endpoint = parseRedisUrl(url);
  const options = {
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    // A command that was sent and not answered may have been carried out: whoever asked decides what to do.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
  } satisfies RedisOptions;
  const common = { ...options, enableOfflineQueue: false, enableAutoPipelining: true, retryStrategy };
  switch (endpoint.kind) {
    case 'single':
      return new Redis(endpoint.url, common);
    case 'sentinel':
      return new Redis({
        ...common,
        ...endpoint.options,
        sentinelCommandTimeout: COMMAND_TIMEOUT_MS,
        sentinelRetryStrategy: retryStrategy,
        // Sentinels tell of a new primary, which the old one need not know of.
        failoverDetector: true,
      });
    case 'cluster':
      return new Cluster([...endpoint.nodes], {
        redisOptions: { ...options, ...endpoint.options },
        enableOfflineQueue: false,
        enableAutoPipelining: true,
        clusterRetryStrategy: retryStrategy,
        // A command is tried once more where it was sent to the wrong node; otherwise the breaker decides.
        maxRedirections: 2,
        slotsRefreshTimeout: COMMAND_TIMEOUT_MS,
        // Certificates name hosts, so those that the nodes announce are used as they are.
        ...(endpoint.options.tls ? { dnsLookup: (address, found) => found(null, address) } : {}),
      });
    default:
      return endpoint satisfies never;
  }
}

function isOutage(error: Error): boolean {
  return OUTAGES.test(error.message);
}
