import { SQSClient, PurgeQueueCommand } from '@aws-sdk/client-sqs';
import { startFauxqs } from 'fauxqs';
import { z } from 'zod';
import { inLanes } from './lanes.ts';
import { LoadProcess } from './load-process.ts';
import { profileSettings, reportProfile } from './profile.ts';
import { number, print, printTable } from './report.ts';
import { NO_LIMITS, startServices, type GatewayProcess, type Services } from './services.ts';
import { medianOf, medianRatio } from './statistics.ts';
import { usageOf } from './usage.ts';
import { acquireStreams, beatOnce } from './streams.ts';

const busyResult = z.object({
  count: z.int(),
  perSecond: z.number(),
  failed: z.int(),
  p50: z.number(),
  p99: z.number(),
});
const quietResult = z.object({ failed: z.int(), beats: z.object({ p50: z.number(), p99: z.number() }) });

interface Round extends z.output<typeof busyResult> {
  /** Of the server's process, all threads. */
  readonly cpuUs: number;
  readonly quietP50: number;
  readonly quietP99: number;
}

interface Target {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  readonly gateway?: GatewayProcess;
}

const QUEUE = 'access-log';
const CONNECTIONS = 20;
/** Beats a second of 7,500 players, at which latency is measured as well. */
const QUIET_RATE = 500;
/** No stream is silent for so long here: gateways with a store of their own would end what beats at another one. */
const HOUR_MS = 3_600_000;

export interface BeatsOptions {
  readonly quick: boolean;
  /** Folder for CPU profiles of the gateways. */
  readonly profile?: string | undefined;
}

/** How many beats a gateway answers, beside a bare Fastify route. */
export async function benchBeats({ quick, profile }: BeatsOptions): Promise<void> {
  const size = quick
    ? { streams: 100, rounds: 2, seconds: 2, warmUp: 3 }
    : { streams: 2_000, rounds: 5, seconds: 8, warmUp: 8 };
  await using services = await startServices({ leaseMs: 12 * HOUR_MS, watchedLeaseMs: 48 * HOUR_MS });
  const aws = await startFauxqs({ port: 0, logger: false });
  aws.createQueue(QUEUE);
  await services.startWorker();
  const load = new LoadProcess('beat-load');
  const paced = new LoadProcess('paced-load');
  const bare = new LoadProcess('bare-server');
  try {
    const gateways = await startTargets(services, aws.address, profile);
    const [{ url }] = gateways;
    const players = await acquireStreams(url, size.streams);
    await load.call('streams', players, z.unknown());
    await paced.call('streams', players, z.unknown());
    const answer = await beatOnce(url, players[0]);
    const bareUrl = await bare.call('start', { answer }, z.string());
    const targets: Target[] = [{ name: 'bare Fastify route', url: bareUrl, pid: bare.pid }, ...gateways];
    // Each gateway has to learn of the streams, which all came through the first one.
    for (const target of targets) await inLanes(players, 20, (player) => beatOnce(target.url, player));

    const rounds = targets.map((): Round[] => []);
    // A gateway's code takes some ten thousand beats to be as fast as it gets.
    for (const target of targets) await measure(target, size.warmUp, load, paced);
    for (let round = 0; round < size.rounds; round += 1) {
      for (const [index, target] of targets.entries()) {
        rounds[index]?.push(await measure(target, size.seconds, load, paced));
        await purge(aws.address);
      }
    }
    const title = `${size.streams} streams, ${CONNECTIONS} connections, ${size.rounds} rounds of ${size.seconds} s`;
    report(`beats: ${title}`, targets, rounds);
    if (profile !== undefined) {
      for (const { name, gateway } of targets) {
        await gateway?.stop();
        if (gateway) await reportProfile(name, profile, gateway.pid);
      }
    }
  } finally {
    await load.stop();
    await paced.stop();
    await bare.stop();
    await aws.stop();
  }
}

async function startTargets(
  services: Services,
  awsUrl: string,
  profile: string | undefined,
): Promise<[Target & { gateway: GatewayProcess }, ...Target[]]> {
  const start = async (name: string, redisUrl: string | undefined, accessLog: boolean) => {
    const env = { ...NO_LIMITS, ...(accessLog ? { ACCESS_LOG_QUEUE: QUEUE } : {}), ...profileSettings(profile) };
    const gateway = await services.startGateway({ redisUrl, awsUrl, env });
    return { name, gateway, url: gateway.url, pid: gateway.pid };
  };
  return [
    await start('gateway, in memory', undefined, false),
    await start('gateway, in memory, access log', undefined, true),
    await start('gateway, Redis', services.redis.url, false),
    await start('gateway, Redis, access log', services.redis.url, true),
  ];
}

/** Nobody reads the access log here. */
async function purge(endpoint: string): Promise<void> {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const sqs = new SQSClient({ endpoint, region: 'us-east-1', credentials });
  await sqs.send(new PurgeQueueCommand({ QueueUrl: `${endpoint}/000000000000/${QUEUE}` }));
  sqs.destroy();
}

async function measure(target: Target, seconds: number, load: LoadProcess, paced: LoadProcess): Promise<Round> {
  const { url, pid } = target;
  const before = await usageOf(pid);
  const busy = await load.call('run', { url, seconds, connections: CONNECTIONS }, busyResult);
  const { cpuSeconds } = await usageOf(pid);
  const cpuUs = ((cpuSeconds - before.cpuSeconds) * 1e6) / busy.count;
  const quiet = await paced.call('run', { url, seconds, beatsPerSecond: QUIET_RATE }, quietResult);
  return { ...busy, cpuUs, quietP50: quiet.beats.p50, quietP99: quiet.beats.p99, failed: busy.failed + quiet.failed };
}

function report(title: string, targets: readonly Target[], results: readonly (readonly Round[])[]): void {
  const [bare = []] = results;
  const quiet = `at ${QUIET_RATE}/s:`;
  printTable(
    title,
    [
      '',
      'beats/s',
      'of bare',
      'p50 ms',
      'p99 ms',
      'CPU us/beat',
      'of bare',
      `${quiet} p50 ms`,
      'p99 ms',
      'p50 of bare',
    ],
    targets.map(({ name }, index) => {
      const rounds = results[index] ?? [];
      return [
        name,
        number(medianOf(rounds, ({ perSecond }) => perSecond)),
        number(medianRatio(rounds, bare, ({ perSecond }) => perSecond)),
        number(medianOf(rounds, ({ p50 }) => p50)),
        number(medianOf(rounds, ({ p99 }) => p99)),
        number(medianOf(rounds, ({ cpuUs }) => cpuUs)),
        number(medianRatio(rounds, bare, ({ cpuUs }) => cpuUs)),
        number(medianOf(rounds, ({ quietP50 }) => quietP50)),
        number(medianOf(rounds, ({ quietP99 }) => quietP99)),
        number(medianRatio(rounds, bare, ({ quietP50 }) => quietP50)),
      ];
    }),
  );
  const failed = results.flat().reduce((sum, round) => sum + round.failed, 0);
  print(`failed or refused: ${failed}. Load, server and Redis share this machine's cores.`);
}
