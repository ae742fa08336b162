import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { connect } from 'getstream';
import { differences } from '../support/graph-check.ts';
import { readEffects } from '../support/stream-effects.ts';
import { generateTraffic, type Traffic } from '../support/traffic.ts';
import { sharedWorkflowBundle } from '../support/workflow-bundle.ts';
import type { RunFacts } from './accounting.ts';
import { Cluster } from './cluster.ts';
import { Injector, proxyName } from './injector.ts';
import type { ChaosOptions } from './options.ts';
import { LINKS, planFaults, PROCESSES, type Link, type ProcessName } from './plan.ts';
import { ProcessSlot } from './process-slot.ts';
import { Queues } from './queues.ts';
import { countOpen, countStatuses, settle } from './settling.ts';
import { startToxiproxy, type Toxiproxy } from './toxiproxy.ts';

const READY_MS = 120_000;
const WORKER_ENV = {
  LOG_LEVEL: 'warn',
  EVENT_RESUMED_LINGER_MS: '3000',
  EVENT_FAST_ATTEMPT_TIMEOUT_MS: '1500',
  STREAM_TIMEOUT_MS: '3000',
  EVENT_ATTEMPT_TIMEOUT_MS: '4000',
  EVENT_RETRY_INITIAL_MS: '200',
  EVENT_RETRY_MAXIMUM_MS: '3000',
  EVENT_RETRY_BUDGET_MS: '20000',
  EVENT_COMPENSATION_BUDGET_MS: '10000',
  EVENT_PARENT_WAIT_MS: '5000',
  BRIDGE_VISIBILITY_TIMEOUT_SECONDS: '5',
  BRIDGE_LONG_POLL_SECONDS: '5',
  SHUTDOWN_GRACE_MS: '10000',
};

/** One run: traffic under faults, healing, and the facts to judge it by. */
export async function runChaos(options: ChaosOptions, onEvent: (line: string) => void): Promise<RunFacts> {
  const skipped: string[] = [];
  const toxiproxy = await startToxiproxy(options.buildToxiproxy, skipped);
  const cluster = await Cluster.start(options.seed);
  const slots = await makeSlots(cluster, toxiproxy, onEvent);
  try {
    for (const slot of slots.values()) slot.start();
    await Promise.all([...slots.values()].map((slot) => slot.ready(READY_MS)));
    onEvent(`all processes are ready; faults for ${options.faultMs / 1000} s`);
    const queues = new Queues(cluster.awsUrl, cluster.routes);
    const injector = new Injector({ cluster, slots, onEvent, ...(toxiproxy ? { toxiproxy } : {}) });
    const publishing = publishWaves(options, queues);
    await injector.run(planFaults(options));
    const waves = await publishing;
    await injector.heal();
    await Promise.all([...slots.values()].map((slot) => slot.ready(READY_MS)));
    onEvent('the faults are over; waiting until everything is applied');
    if (injector.skipped > 0) skipped.push(`${injector.skipped} network faults`);
    const facts = await gather(cluster, queues, waves, options);
    queues.close();
    await Promise.all([...slots.values()].map((slot) => slot.stop()));
    const lives = [...slots.values()].flatMap((slot) => slot.lives);
    return { seed: options.seed, ...facts, lives, injected: injector.injected, skipped };
  } finally {
    await Promise.all([...slots.values()].map((slot) => slot.stop()));
    await cluster.stop();
    await toxiproxy?.stop();
  }
}

async function gather(
  cluster: Cluster,
  queues: Queues,
  waves: readonly Traffic[],
  { healMs }: ChaosOptions,
): Promise<Omit<RunFacts, 'seed' | 'lives' | 'injected' | 'skipped'>> {
  const connection = await Connection.connect({ address: cluster.temporalAddress });
  const { apiKey, apiSecret, appId, url } = cluster.stream;
  const stream = connect(apiKey, apiSecret, appId, { urlOverride: { api: `${url}/api/` } });
  try {
    const client = new Client({ connection });
    const begun = performance.now();
    const settlement = await settle(client, queues, healMs);
    const healedMs = performance.now() - begun;
    const found: string[] = [];
    for (const { expected } of waves) found.push(...(await differences(stream, expected)));
    const feeds = waves.flatMap(({ expected }) => [...expected.activities.values()]);
    return {
      events: waves.reduce((total, { messages }) => total + messages.length, 0),
      uniqueActivities: feeds.reduce((total, ids) => total + ids.size, 0),
      differences: found,
      effects: await readEffects(url),
      statuses: await countStatuses(client),
      open: await countOpen(client),
      queued: await queues.depth('queueUrl'),
      deadLetters: await queues.depth('deadLetterQueueUrl'),
      healedMs,
      ...settlement,
    };
  } finally {
    await connection.close();
  }
}

/** Waves of traffic, each among users of its own, so that what belongs together comes within seconds. */
async function publishWaves(options: ChaosOptions, queues: Queues): Promise<Traffic[]> {
  const { seed, faultMs, waveEveryMs, waveSize } = options;
  const waves: Traffic[] = [];
  const begun = performance.now();
  for (let atMs = 0; atMs < faultMs; atMs += waveEveryMs) {
    await sleep(Math.max(0, begun + atMs - performance.now()));
    const wave = generateTraffic({ seed: seed + waves.length, count: waveSize, duplicates: 0.2, users: 4 });
    waves.push(wave);
    // Some of an earlier wave come once more, long after they were applied.
    const late = waves.at(-5)?.messages.slice(0, Math.round(waveSize / 10)) ?? [];
    await queues.publish([...wave.messages, ...late]);
  }
  return waves;
}

async function makeSlots(
  cluster: Cluster,
  toxiproxy: Toxiproxy | undefined,
  onEvent: (line: string) => void,
): Promise<Map<ProcessName, ProcessSlot>> {
  const upstreams = {
    temporal: cluster.temporalAddress,
    sqs: hostOf(cluster.awsUrl),
    stream: hostOf(cluster.stream.url),
  };
  const addresses = new Map<string, string>();
  for (const link of LINKS) {
    const proxy = await toxiproxy?.open(proxyName(link), upstreams[link.to]);
    addresses.set(proxyName(link), proxy?.listen ?? upstreams[link.to]);
  }
  const bundle = await sharedWorkflowBundle();
  const addressOf = (process: ProcessName, to: Link['to']): string =>
    addresses.get(proxyName({ process, to })) ?? upstreams[to];
  return new Map(
    PROCESSES.map((process) => {
      const slot = new ProcessSlot(process, {
        temporalAddress: addressOf(process, 'temporal'),
        awsUrl: `http://${addressOf(process, 'sqs')}`,
        stream: { ...cluster.stream, url: `http://${addressOf(process, 'stream')}` },
        roles: process.startsWith('bridge') ? 'bridge' : 'events',
        env: { ...WORKER_ENV, WORKFLOW_BUNDLE: bundle },
        onLine: (line) => {
          if (line.includes('"level":50') || line.includes('"level":60')) onEvent(`${process}: ${line.slice(0, 300)}`);
        },
      });
      return [process, slot];
    }),
  );
}

function hostOf(url: string): string {
  return new URL(url).host;
}
