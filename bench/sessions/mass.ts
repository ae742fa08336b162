import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { activeStreams } from './account-histories.ts';
import { LoadProcess } from './load-process.ts';
import { loseSimulated } from './mass-simulated.ts';
import { number, print, printTable } from './report.ts';
import { NO_LIMITS, startServices, type Services } from './services.ts';

const spread = { count: z.int(), p50: z.number().nullable(), p99: z.number().nullable(), max: z.number().nullable() };
const acquired = z.object({ ...spread, seconds: z.number() });
const beatCounts = z.object({ ...spread, beats: z.int(), over: z.int(), failed: z.int() });
const stormResult = z.object({
  ...spread,
  answered: z.int(),
  withoutLease: z.int(),
  over: z.int(),
  unanswered: z.int(),
  retries: z.int(),
});

/** A household plays several at once, and loses all of them with its network. */
const STREAMS_PER_ACCOUNT = 5;
const STORM_MS = 180_000;
const LONGEST_LOSS_MS = 600_000;
const MASS_LEASES = { leaseMs: 45_000, heartbeatIntervalMs: 15_000 };

/**
 * Players that come back at once after a loss of the gateway and of Redis' data, and players that are lost at once: at one gateway
 * with a Redis, first with accounts that only wait, then on a real Temporal.
 */
export async function benchMass({ quick }: { readonly quick: boolean }): Promise<void> {
  const accounts = quick ? 100 : 2_000;
  const policy = { ...MASS_LEASES, caps: { account: STREAMS_PER_ACCOUNT } };
  await using services = await startServices(policy);
  await loseSimulated(services.redis.url, quick ? 1_000 : 10_000);
  await services.redis.restart();

  await services.startWorker();
  const start = { redisUrl: services.redis.url, env: NO_LIMITS };
  let gateway = await services.startGateway(start);
  const port = Number(new URL(gateway.url).port);
  const load = new LoadProcess('players');
  const users = Array.from({ length: accounts }, () => randomUUID());
  const streams = accounts * STREAMS_PER_ACCOUNT;
  try {
    const beatEveryMs = policy.heartbeatIntervalMs;
    const wish = { url: gateway.url, users, streams: STREAMS_PER_ACCOUNT, lanes: 10, beatEveryMs };
    const times = await load.call('acquire', wish, acquired);
    print(`\nmass: ${times.count} streams of ${accounts} accounts acquired in ${number(times.seconds)} s`);

    await gateway.kill();
    await services.redis.restart();
    const begun = performance.now();
    await load.call('pause', {}, z.unknown());
    gateway = await services.startGateway({ ...start, port });
    const downMs = performance.now() - begun;
    const storm = await load.call('storm', { url: gateway.url, withinMs: STORM_MS }, stormResult);
    await load.call('beatEach', { url: gateway.url, beatEveryMs }, z.unknown());
    const recoveryMs = await untilRecovered(services, gateway.url, begun);
    // Long enough for a stream that nobody heard to be found silent.
    await sleep(policy.leaseMs);
    const after = await load.call('counts', {}, beatCounts);
    const active = await activeStreams(services, users);
    printTable(
      `mass return: ${streams} players beat at once after kill -9 of the gateway, Redis empty`,
      [
        'down s',
        'answered p50 s',
        'p99 s',
        'all s',
        'without lease',
        'retries',
        'failed',
        'told "over"',
        'lost',
        'all read s',
      ],
      [
        [
          number(downMs / 1_000),
          ...[storm.p50, storm.p99, storm.max].map((ms) => number((ms ?? NaN) / 1_000)),
          String(storm.withoutLease),
          String(storm.retries),
          String(storm.unanswered + after.failed),
          String(storm.over + after.over),
          String(streams - active),
          number(recoveryMs / 1_000),
        ],
      ],
    );

    await load.call('pause', {}, z.unknown());
    await printLoss(services, users.length, streams, policy.leaseMs);
  } finally {
    await load.stop();
  }
}

async function untilRecovered({ redis }: Services, url: string, begun: number): Promise<number> {
  while (performance.now() - begun < LONGEST_LOSS_MS) {
    const readiness = await (await fetch(`${url}/readyz`)).text();
    if (!readiness.includes('"recovery"')) return performance.now() - begun;
    await sleep(500);
  }
  throw new Error(`the streams of all accounts were not recovered: ${redis.url}`);
}

/** From the last beat on; a slot is free when its account says so to the visibility of Temporal, a second later at most. */
async function printLoss({ client }: Services, accounts: number, streams: number, leaseMs: number): Promise<void> {
  const begun = performance.now();
  const passed = (): number => (performance.now() - begun) / 1_000;
  const freedAt: Record<string, number> = {};
  for (let left = accounts; left > 0 && passed() * 1_000 < LONGEST_LOSS_MS; await sleep(500)) {
    left = (await client.workflow.count("ExecutionStatus = 'Running' AND ActiveStreams > 0")).count;
    for (const [name, share] of [
      ['first', 1],
      ['half', 0.5],
      ['99 %', 0.01],
      ['all', 0],
    ] as const) {
      if (left < accounts * share || left === 0) freedAt[name] ??= passed();
    }
  }
  const { first, half, '99 %': most, all } = freedAt;
  printTable(
    `mass loss: ${streams} players of ${accounts} accounts fall silent at once, two leases are ${(2 * leaseMs) / 1_000} s`,
    ['', 'first freed s', 'half s', '99 % s', 'all s'],
    [['since the last beat', ...[first, half, most, all].map((seconds) => number(seconds ?? NaN))]],
  );
}
