import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import { downloadKeySet } from '../client/key-set-document.ts';
import { Dependency } from '../contracts/shared/dependency.ts';
import type { SharedRedis } from './redis/connection.ts';

const DEADLINE_MS = 4_000;
const KEYS_INTERVAL_MS = 60_000;
/** Wrong settings, which no waiting mends [ioredis; redis.io: ACL]. */
const REDIS_REFUSES = /WRONGPASS|NOAUTH|NOPERM|certificate/i;

export function temporalDependency(client: Client, logger: Logger): Dependency {
  const { namespace } = client.options;
  return new Dependency({
    name: 'temporal',
    advice: 'Temporal does not answer',
    logger,
    probe: () =>
      client.withDeadline(Date.now() + DEADLINE_MS, () => client.workflowService.describeNamespace({ namespace })),
  });
}

export function redisDependency(redis: SharedRedis, logger: Logger): Dependency {
  // Of a connection that does not come about a command knows nothing.
  let connectionError: Error | undefined;
  redis.on('error', (error: Error) => (connectionError = error));
  redis.on('ready', () => (connectionError = undefined));
  return new Dependency({
    name: 'redis',
    advice: 'Redis does not answer; start it, or mend GATEWAY_REDIS_URL',
    logger,
    mayPass: (error) => !(error instanceof Error && REDIS_REFUSES.test(error.message)),
    async probe() {
      try {
        await redis.ping();
      } catch (error) {
        throw (redis.status === 'ready' ? undefined : connectionError) ?? error;
      }
    },
  });
}

/** Keys that were fetched once serve on, so this matters at the start above all. */
export function keysDependency(url: URL, logger: Logger): Dependency {
  return new Dependency({
    name: 'keys',
    advice: `The key server does not answer at ${url.origin}${url.pathname}; start it, or mend JWT_JWKS_URL`,
    logger,
    intervalMs: KEYS_INTERVAL_MS,
    probe: (signal) => downloadKeySet(url, signal),
  });
}
