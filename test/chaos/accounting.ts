import { imbalanceOf, type BridgeCounts } from '../../local/bridge-counts.ts';

/** One process from its start to its end. */
export interface ProcessLife {
  readonly name: string;
  readonly pid: number;
  /** How it ended: `killed` takes along what it counted after the last look at its metrics. */
  readonly end: 'killed' | 'stopped' | 'died';
  /** Of a bridge, as seen last. */
  readonly counts?: BridgeCounts;
}

export interface RunFacts {
  readonly seed: number;
  readonly events: number;
  readonly uniqueActivities: number;
  /** Lines of `graph-check.ts`. */
  readonly differences: readonly string[];
  readonly effects: Readonly<Record<string, number>>;
  /** Workflows by EventStatus. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly open: number;
  readonly queued: number;
  readonly deadLetters: number;
  readonly redriven: number;
  readonly released: number;
  readonly lives: readonly ProcessLife[];
  readonly injected: Readonly<Record<string, number>>;
  readonly skipped: readonly string[];
  readonly healedMs: number;
}

export interface Verdict {
  readonly lost: number;
  readonly doubled: number;
  readonly wrongEdges: number;
  /** Everything that makes the run a failure, in words. */
  readonly faults: readonly string[];
}

/** What the facts of a run come to. */
export function judge(facts: RunFacts): Verdict {
  const lost = facts.differences.filter((line) => / holds .* 0 times$/.test(line)).length;
  const repeated = facts.differences.filter((line) =>
    / holds .*( \d+ times|nobody published there)$/.test(line),
  ).length;
  const wrongEdges = facts.differences.length - repeated;
  const { activitiesCreated = 0, activitiesRemoved = 0 } = facts.effects;
  const surplus = Math.max(0, activitiesCreated - activitiesRemoved - facts.uniqueActivities);
  const doubled = Math.max(repeated - lost, surplus);
  const unsettled = Object.entries(facts.statuses).filter(
    ([status]) => status !== 'applied' && status !== 'superseded',
  );
  const unbalanced = facts.lives.filter(({ end, counts }) => end === 'stopped' && counts && imbalanceOf(counts) !== 0);
  const faults = [
    ...facts.differences,
    ...(surplus > 0 ? [`${surplus} activities were created more often than published`] : []),
    ...unsettled.filter(([, count]) => count > 0).map(([status, count]) => `${count} events are ${status}`),
    ...(facts.open > 0 ? [`${facts.open} workflows are open`] : []),
    ...(facts.queued > 0 ? [`${facts.queued} messages are still queued`] : []),
    ...(facts.deadLetters > 0 ? [`${facts.deadLetters} messages are in dead-letter queues`] : []),
    ...unbalanced.map(({ name, pid }) => `${name} (${pid}) does not balance`),
    ...facts.lives.filter(({ end }) => end === 'died').map(({ name, pid }) => `${name} (${pid}) died by itself`),
  ];
  return { lost, doubled, wrongEdges, faults };
}

/** The report of a run, line by line. */
export function describeRun(facts: RunFacts, { lost, doubled, wrongEdges, faults }: Verdict): string {
  const killed = facts.lives.filter(({ end }) => end === 'killed').length;
  return [
    `seed ${facts.seed}: ${facts.events} events published, ${sum(facts.statuses)} workflows`,
    `lost ${lost}, doubled ${doubled}, wrong edges ${wrongEdges}`,
    `workflows: ${list(facts.statuses)}; parked and released ${facts.released}, redriven ${facts.redriven}`,
    `processes killed ${killed}; injected: ${list(facts.injected)}`,
    `effects on the Stream server: ${list(facts.effects)}`,
    `healed ${(facts.healedMs / 1000).toFixed(1)} s after the last fault`,
    'conservation (of a killed process, as its metrics said up to 0.5 s before: it takes its counters along):',
    ...facts.lives.flatMap((life) => (life.counts ? [`  ${describeLife(life, life.counts)}`] : [])),
    ...facts.skipped.map((reason) => `skipped: ${reason}`),
    ...(faults.length === 0 ? ['all is well'] : faults.map((fault) => `FAULT ${fault}`)),
  ].join('\n');
}

function describeLife({ name, pid, end }: ProcessLife, counts: BridgeCounts): string {
  const { received, started, joined, deduplicated, rejected, returned, inFlight } = counts;
  return (
    `${name} ${pid} ${end}: received ${received} = ${started} started + ${joined} joined + ${deduplicated} deduplicated ` +
    `+ ${rejected} rejected + ${returned} returned + ${inFlight} in flight (off by ${imbalanceOf(counts)})`
  );
}

function list(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
  return parts.join(', ') || 'none';
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
