import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { SessionsUnavailableError } from '../../client/session-errors.ts';
import type { SessionsClient } from '../../client/sessions.ts';
import { DEFAULT_SESSION_POLICY } from '../../contracts/sessions/session-limits.ts';
import { connectRedis } from '../../gateway/redis/connection.ts';
import { RedisBeatStore } from '../../gateway/watch/redis-beat-store.ts';
import { StreamWatch } from '../../gateway/watch/stream-watch.ts';
import { Sweeper } from '../../gateway/watch/sweeper.ts';
import { eventually } from '../../test/support/eventually.ts';
import { number, printTable } from './report.ts';

const CALL_MS = 50;
const STUCK_MS = 8_000;
const LONGEST_MS = 300_000;

/**
 * What one gateway does by itself when as many accounts lose a player each: a real Redis, and accounts that answer each call after
 * 50 ms or, every tenth in the second run, not at all for 8 s. The share of Temporal is left out.
 */
export async function loseSimulated(redisUrl: string, players: number): Promise<void> {
  const rows: string[][] = [];
  for (const stuck of [0, players / 10]) {
    const seconds = await freed(redisUrl, players, stuck);
    rows.push([stuck === 0 ? 'all answer' : `${stuck} do not`, number(seconds), number((players - stuck) / seconds)]);
  }
  printTable(
    `one gateway: ${players} accounts lose a player each, calls on them take ${CALL_MS} ms`,
    ['accounts', 'all others freed s', '/s'],
    rows,
  );
}

/** Seconds from when the first counts as lost. */
async function freed(redisUrl: string, players: number, stuck: number): Promise<number> {
  const logger = pino({ level: 'silent' });
  const redis = connectRedis(redisUrl, logger);
  await eventually(() => redis.flushall());
  const store = new RedisBeatStore(redis, { graceMs: 0, rememberEndsMs: 60_000 });
  const policy = () => DEFAULT_SESSION_POLICY;
  const watch = new StreamWatch({ sessions: slowAccounts(stuck), store, policy, patienceMs: STUCK_MS, logger });
  const silenceMs = 5_000;
  const times = { silenceMs, heartbeatIntervalMs: silenceMs, forwardEveryMs: 60_000 };
  const begun = performance.now();
  for (let from = 0; from < players; from += 200) {
    const some = Array.from({ length: Math.min(200, players - from) }, (_, index) => `user-${from + index}`);
    await Promise.all(some.map((userId) => store.confirm({ userId, streamId: 'a', deviceId: 'tv', ...times })));
  }
  let lost = 0;
  let allAtMs = NaN;
  const sweeper = new Sweeper({
    store,
    logger,
    report: (stream) => watch.reportSilent(stream),
    recover: async () => 0,
    onLost() {
      lost += 1;
      if (lost === players - stuck) allAtMs = performance.now();
    },
  });
  while (Number.isNaN(allAtMs) && performance.now() - begun < LONGEST_MS) await sleep(100);
  const stopped = sweeper.stop();
  await watch.close();
  await stopped;
  redis.disconnect();
  return (allAtMs - begun - silenceMs) / 1_000;
}

function slowAccounts(stuck: number): SessionsClient {
  const call = async (userId: string): Promise<void> => {
    const isStuck = stuck > 0 && Number(userId.slice('user-'.length)) % 10 === 0;
    await sleep(isStuck ? STUCK_MS : CALL_MS);
    if (isStuck) throw new SessionsUnavailableError('a call');
  };
  const unused = (): never => {
    throw new Error('only players are lost here');
  };
  return {
    release: call,
    async list(userId) {
      await call(userId);
      const end = {
        streamId: 'a',
        deviceId: 'tv',
        endedAt: new Date().toISOString(),
        end: { reason: 'expired' },
      } as const;
      return { active: [], ended: [end], slots: 0 };
    },
    acquire: unused,
    heartbeat: unused,
    switchContent: unused,
    evict: unused,
    hold: unused,
  };
}
