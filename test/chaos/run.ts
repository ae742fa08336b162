import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { connect } from 'getstream';
import { noLateCommits, readEffects } from '../support/stream-effects.ts';
import { generateTraffic, type Traffic } from '../support/traffic.ts';
import { sharedWorkflowBundle } from '../support/workflow-bundle.ts';
import type { RunFacts } from './accounting.ts';
import { Cluster } from './cluster.ts';
import { examine, finalEvents } from './examination.ts';
import { Injector, proxyName } from './injector.ts';
import { planOperators } from './operator-plan.ts';
import { Operators } from './operators.ts';
import type { ChaosOptions } from './options.ts';
import { LINKS, planFaults, PROCESSES, type Link, type ProcessName } from './plan.ts';
import { ProcessSlot } from './process-slot.ts';
import { Queues } from './queues.ts';
import { countStatuses, settle, type Published } from './settling.ts';
import { startToxiproxy, type Toxiproxy } from './toxiproxy.ts';

const READY_MS = 120_000;
const WORKER_ENV = {
  LOG_LEVEL: 'info',
  EVENT_RESUMED_LINGER_MS: '3000',
  EVENT_FAST_ATTEMPT_TIMEOUT_MS: '1500',
  STREAM_TIMEOUT_MS: '3000',
  EVENT_ATTEMPT_TIMEOUT_MS: '4000',
  EVENT_RETRY_INITIAL_MS: '200',
  EVENT_RETRY_MAXIMUM_MS: '3000',
  EVENT_RETRY_BUDGET_MS: '20000',
  EVENT_COMPENSATION_BUDGET_MS: '10000',
  EVENT_PARENT_WAIT_MS: '5000',
  EVENT_LATE_COMMIT_MS: '12000',
  BRIDGE_VISIBILITY_TIMEOUT_SECONDS: '5',
  BRIDGE_LONG_POLL_SECONDS: '5',
  SHUTDOWN_GRACE_MS: '10000',
};

/** One run: traffic under faults and the hands of operators, healing, and the facts to judge it by. */
export async function runChaos(options: ChaosOptions, onEvent: (line: string) => void): Promise<RunFacts> {
  const skipped: string[] = [];
  const toxiproxy = await startToxiproxy(options.buildToxiproxy, skipped);
  const cluster = await Cluster.start(options.seed);
  const slots = await makeSlots(cluster, toxiproxy, onEvent);
  const connection = await Connection.connect({ address: cluster.temporalAddress });
  const client = new Client({ connection });
  try {
    for (const slot of slots.values()) slot.start();
    await Promise.all([...slots.values()].map((slot) => slot.ready(READY_MS)));
    onEvent(`all processes are ready; faults for ${options.faultMs / 1000} s`);
    const queues = new Queues(cluster.awsUrl, cluster.routes);
    const injector = new Injector({ cluster, slots, onEvent, ...(toxiproxy ? { toxiproxy } : {}) });
    const operators = new Operators(client, onEvent);
    const publishing = publishWaves(options, queues);
    await Promise.all([injector.run(planFaults(options)), operators.run(planOperators(options), options.faultMs)]);
    if (operators.leftOut > 0) onEvent(`the operators had no time for ${operators.leftOut} of what they had planned`);
    const waves = await publishing;
    await injector.heal();
    await Promise.all([...slots.values()].map((slot) => slot.ready(READY_MS)));
    onEvent('the faults are over; waiting until everything is decided');
    if (injector.skipped > 0) skipped.push(`${injector.skipped} network faults`);
    const facts = await gather({ cluster, client, queues, waves, timeoutMs: options.healMs, onEvent });
    queues.close();
    await Promise.all([...slots.values()].map((slot) => slot.stop()));
    const lives = [...slots.values()].flatMap((slot) => slot.lives);
    const { counts } = operators;
    return { seed: options.seed, ...facts, lives, injected: injector.injected, operators: counts, skipped };
  } finally {
    await Promise.all([...slots.values()].map((slot) => slot.stop()));
    await connection.close();
    await cluster.stop();
    await toxiproxy?.stop();
  }
}

interface Ended {
  readonly cluster: Cluster;
  readonly client: Client;
  readonly queues: Queues;
  readonly waves: readonly Traffic[];
  readonly timeoutMs: number;
  readonly onEvent: (line: string) => void;
}

type Gathered = Omit<RunFacts, 'seed' | 'lives' | 'injected' | 'operators' | 'skipped'>;

/** Looks twice: once at what became of everything, and once more after every edge was given a further event. */
async function gather({ cluster, client, queues, waves, timeoutMs, onEvent }: Ended): Promise<Gathered> {
  const { apiKey, apiSecret, appId, url } = cluster.stream;
  const stream = connect(apiKey, apiSecret, appId, { urlOverride: { api: `${url}/api/` } });
  const published: Published = {
    posts: waves.flatMap(({ posts }) => posts),
    edges: waves.flatMap(({ edges }) => edges),
  };
  const begun = performance.now();
  const settlement = await settle({ client, queues, published, timeoutMs });
  const healedMs = performance.now() - begun;
  await noLateCommits(url);
  onEvent('everything is decided; looking at what became of it');
  const { posts, edges, findings, standing } = await examine(client, stream, published);
  const effects = await readEffects(url);
  const statuses = await countStatuses(client);
  onEvent('one more event for every edge');
  const more = await finalEvents(stream, published.edges);
  await queues.publish(more.messages);
  await settle({ client, queues, published, timeoutMs });
  await noLateCommits(url);
  const last = await examine(client, stream, { ...published, posts: [], edges: more.edges });
  const goingOn = last.edges.applied;
  const refused = more.edges.length - goingOn;
  return {
    events: waves.reduce((total, { messages }) => total + messages.length, 0),
    posts,
    edges,
    goingOn,
    findings: [
      ...findings,
      ...last.findings.map(({ kind, text }) => ({ kind, text: `after one more event: ${text}` })),
      ...(refused > 0 ? [{ kind: 'stuck' as const, text: `${refused} edges did not apply one more event` }] : []),
    ],
    standing,
    effects,
    statuses,
    queued: await queues.depth(),
    rejected: queues.rejected,
    poison: waves.reduce((total, { poison }) => total + poison, 0),
    healedMs,
    released: settlement.released,
    skippedAtLast: settlement.skipped,
    redriven: settlement.redriven,
  };
}

/** Waves of traffic, each among users of its own, so that what belongs together comes within seconds. */
async function publishWaves(options: ChaosOptions, queues: Queues): Promise<Traffic[]> {
  const { seed, faultMs, waveEveryMs, waveSize } = options;
  const waves: Traffic[] = [];
  const begun = performance.now();
  for (let atMs = 0; atMs < faultMs; atMs += waveEveryMs) {
    await sleep(Math.max(0, begun + atMs - performance.now()));
    const wave = generateTraffic({
      seed: seed + waves.length,
      count: waveSize,
      duplicates: 0.2,
      users: 4,
      troubles: true,
    });
    waves.push(wave);
    // Some of an earlier wave come once more, long after they were decided on.
    const late = waves.at(-5)?.repeatable.slice(0, Math.round(waveSize / 10)) ?? [];
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
