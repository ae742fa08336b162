import { setTimeout as sleep } from 'node:timers/promises';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { activeStreams, eventsPerStreamHour, historyEvents } from './account-histories.ts';
import { LoadProcess } from './load-process.ts';
import { number, print, printTable } from './report.ts';
import {
  NO_LIMITS,
  startServices,
  type GatewayProcess,
  type GatewayProcessOptions,
  type Services,
} from './services.ts';
import { callsBetween, temporalCalls } from './temporal-calls.ts';

import { usageOf } from './usage.ts';

const spread = { count: z.int(), p50: z.number().nullable(), p99: z.number().nullable(), max: z.number().nullable() };
const acquired = z.object({ ...spread, seconds: z.number() });
const beatCounts = z.object({ ...spread, beats: z.int(), over: z.int(), failed: z.int() });
const stormResult = z.object({
  ...spread,
  answered: z.int(),
  over: z.int(),
  unanswered: z.int(),
  retries: z.int(),
});

const STREAMS_PER_ACCOUNT = 2;
const HISTORIES = 500;
const STORM_MS = 180_000;

interface Size {
  readonly accounts: number;
  readonly steadyMs: number;
  readonly leaseMs: number;
  readonly heartbeatIntervalMs: number;
}

const QUICK: Size = { accounts: 100, steadyMs: 20_000, leaseMs: 15_000, heartbeatIntervalMs: 5_000 };
/** The lease is longer than it takes to acquire all, as players begin to beat together. */
const FULL: Size = { accounts: 5_000, steadyMs: 60_000, leaseMs: 240_000, heartbeatIntervalMs: 15_000 };

/** Many live streams at one gateway with a Redis: what they cost, and what happens when the gateway dies. */
export async function benchLive({ quick }: { readonly quick: boolean }): Promise<void> {
  const size = quick ? QUICK : FULL;
  const { leaseMs, heartbeatIntervalMs } = size;
  await using services = await startServices({ leaseMs, heartbeatIntervalMs });
  const perHour = await eventsPerStreamHour(services, 20, quick ? 1 : 4);
  const worker = await services.startWorker();
  const startGateway = await gatewayStarter(services);
  const gateway = await startGateway();
  const load = new LoadProcess('players');
  const users = Array.from({ length: size.accounts }, () => randomUUID());
  try {
    const times = await load.call('acquire', { url: gateway.url, users, streams: 2, lanes: 20 }, acquired);
    print(
      `\nlive: ${times.count} streams of ${users.length} accounts acquired in ${number(times.seconds)} s, ` +
        `${number(times.count / times.seconds)}/s, p50 ${number(times.p50 ?? NaN)} ms, p99 ${number(times.p99 ?? NaN)} ms`,
    );
    await steady(services, { load, gateway, workerPid: worker.pid, users, size });
    print(`history events per stream-hour at the default lease, measured at a thousandth of it: ${number(perHour)}`);
    await storms({ services, startGateway, gateway, load, users, size });
  } finally {
    await load.stop();
  }
}

/** Each gateway takes the port of the one before. */
async function gatewayStarter(services: Services): Promise<() => Promise<GatewayProcess>> {
  const options: GatewayProcessOptions = { redisUrl: services.redis.url, env: NO_LIMITS };
  let port: number | undefined;
  return async () => {
    const gateway = await services.startGateway({ ...options, ...(port === undefined ? {} : { port }) });
    port = Number(new URL(gateway.url).port);
    return gateway;
  };
}

interface Steady {
  readonly load: LoadProcess;
  readonly gateway: GatewayProcess;
  readonly workerPid: number;
  readonly users: readonly string[];
  readonly size: Size;
}

async function steady(services: Services, { load, gateway, workerPid, users, size }: Steady): Promise<void> {
  const { client, temporalMetricsUrl, temporalPid } = services;
  const { heartbeatIntervalMs: intervalMs, steadyMs } = size;
  const sample = users.slice(0, HISTORIES);
  const pids = { gateway: gateway.pid, 'sessions worker': workerPid, 'Temporal server': temporalPid };
  await load.call('beat', { url: gateway.url, intervalMs }, z.unknown());
  await sleep(intervalMs);
  const eventsBefore = await historyEvents(client, sample);
  await load.call('pause', {}, z.unknown());
  await load.call('beat', { url: gateway.url, intervalMs }, z.unknown());
  const calls = await temporalCalls(temporalMetricsUrl);
  const usage = await Promise.all(Object.values(pids).map(usageOf));
  const begun = performance.now();
  await sleep(steadyMs);
  const seconds = (performance.now() - begun) / 1_000;
  const usageAfter = await Promise.all(Object.values(pids).map(usageOf));
  const made = callsBetween(calls, await temporalCalls(temporalMetricsUrl));
  const counts = await load.call('counts', {}, beatCounts);
  const events = (await historyEvents(client, sample)) - eventsBefore;
  printTable(
    `live: steady for ${number(seconds)} s, a beat of each stream every ${intervalMs / 1_000} s`,
    ['process', '% of a core', 'RSS MB'],
    Object.keys(pids).map((name, index) => [
      name,
      number((((usageAfter[index]?.cpuSeconds ?? NaN) - (usage[index]?.cpuSeconds ?? NaN)) / seconds) * 100),
      number((usageAfter[index]?.rssBytes ?? NaN) / 1e6),
    ]),
  );
  print(
    `${counts.beats} beats: p50 ${number(counts.p50 ?? NaN)} ms, p99 ${number(counts.p99 ?? NaN)} ms, ` +
      `${counts.failed} failed, ${counts.over} answered "over"`,
  );
  const list = [...made].map(([operation, count]) => `${operation} ${count}`).join(', ');
  print(`calls to Temporal meanwhile, of anybody, without polls: ${list || 'none'}`);
  print(`history events of ${sample.length} of the accounts meanwhile: ${events}`);
  await load.call('pause', {}, z.unknown());
}

interface Storms {
  readonly services: Services;
  readonly startGateway: () => Promise<GatewayProcess>;
  readonly gateway: GatewayProcess;
  readonly load: LoadProcess;
  readonly users: readonly string[];
  readonly size: Size;
}

async function storms({ services, startGateway, gateway, load, users, size }: Storms): Promise<void> {
  const { leaseMs, heartbeatIntervalMs: intervalMs } = size;
  const rows: string[][] = [];
  let current = gateway;
  for (const what of ['gateway', 'gateway and Redis'] as const) {
    const begun = performance.now();
    await current.kill();
    if (what === 'gateway and Redis') await services.redis.restart();
    current = await startGateway();
    const downMs = performance.now() - begun;
    const storm = await load.call('storm', { url: current.url, withinMs: STORM_MS }, stormResult);
    // Long enough for a stream that nobody heard to be found silent.
    await load.call('beat', { url: current.url, intervalMs }, z.unknown());
    await sleep(leaseMs + 5_000);
    const after = await load.call('counts', {}, beatCounts);
    await load.call('pause', {}, z.unknown());
    const active = await activeStreams(services, users);
    const missing = users.length * STREAMS_PER_ACCOUNT - active;
    rows.push([
      what,
      number(downMs / 1_000),
      ...[storm.p50, storm.p99, storm.max].map((ms) => number((ms ?? NaN) / 1_000)),
      String(storm.retries),
      String(storm.unanswered + after.failed),
      String(storm.over + after.over),
      String(missing),
    ]);
  }
  printTable(
    'live: kill -9, started again (Redis empty), then all players beat at once',
    ['killed', 'down s', 'answered p50 s', 'p99 s', 'all s', 'retries', 'failed', 'told "over"', 'streams lost'],
    rows,
  );
}
