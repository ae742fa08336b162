import { imbalanceOf, type BridgeCounts } from '../../local/bridge-counts.ts';
import type { FateCounts } from './examination.ts';
import type { Finding } from './findings.ts';
import type { OperatorCounts } from './operators.ts';

/** One worker process from its start to its end. */
export interface ProcessLife {
  readonly name: string;
  readonly pid: number;
  /** How it ended: `killed` takes along what it counted after the last look at its metrics. */
  readonly end: 'killed' | 'stopped' | 'died';
  /** Of a bridge, as seen last. */
  readonly counts?: BridgeCounts;
  /** Secrets in what it wrote, or in its metrics. */
  readonly exposed: readonly string[];
}

/** What makes a run a failure as soon as one process told a secret. */
export function exposures(lives: readonly ProcessLife[]): string[] {
  return lives.flatMap(({ name, pid, exposed }) => exposed.map((text) => `exposed by ${name} (${pid}): ${text}`));
}

export interface RunFacts {
  readonly seed: number;
  readonly events: number;
  readonly posts: FateCounts;
  readonly edges: FateCounts;
  /** Edges that applied one more event at the end. */
  readonly goingOn: number;
  readonly findings: readonly Finding[];
  /** Activities that stand at the end. */
  readonly standing: number;
  readonly effects: Readonly<Record<string, number>>;
  /** Runs by EventStatus. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly queued: number;
  /** Different messages that stand rejected in dead-letter queues, and how many poison ones were published. */
  readonly rejected: number;
  readonly poison: number;
  readonly redriven: number;
  readonly released: number;
  /** Events that no retry could help, skipped at the end. */
  readonly skippedAtLast: number;
  readonly lives: readonly ProcessLife[];
  readonly injected: Readonly<Record<string, number>>;
  readonly operators: OperatorCounts;
  readonly skipped: readonly string[];
  readonly healedMs: number;
}

export interface Verdict {
  readonly lost: number;
  readonly doubled: number;
  readonly wrongEdges: number;
  readonly stuck: number;
  /** Everything that makes the run a failure, in words. */
  readonly faults: readonly string[];
}

/** What the facts of a run come to. */
export function judge(facts: RunFacts): Verdict {
  const { activitiesCreated = 0, activitiesRemoved = 0 } = facts.effects;
  const surplus = Math.max(0, activitiesCreated - activitiesRemoved - facts.standing);
  const of = (kind: Finding['kind']): number => facts.findings.filter((finding) => finding.kind === kind).length;
  const unbalanced = facts.lives.filter(({ end, counts }) => end === 'stopped' && counts && imbalanceOf(counts) !== 0);
  const faults = [
    ...facts.findings.map(({ kind, text }) => `${kind}: ${text}`),
    ...(surplus > 0 ? [`doubled: ${surplus} activities were created that stand in no feed`] : []),
    ...(facts.queued > 0 ? [`${facts.queued} messages are still queued`] : []),
    ...(facts.rejected === facts.poison
      ? []
      : [`${facts.rejected} messages are rejected, ${facts.poison} were poison`]),
    ...unbalanced.map(({ name, pid }) => `${name} (${pid}) does not balance`),
    ...exposures(facts.lives),
    ...facts.lives.filter(({ end }) => end === 'died').map(({ name, pid }) => `${name} (${pid}) died by itself`),
  ];
  return {
    lost: of('lost'),
    doubled: of('doubled') + surplus,
    wrongEdges: of('wrongEdge'),
    stuck: of('stuck'),
    faults,
  };
}

/** The report of a run, line by line. */
export function describeRun(facts: RunFacts, { lost, doubled, wrongEdges, stuck, faults }: Verdict): string {
  const killed = facts.lives.filter(({ end }) => end === 'killed').length;
  return [
    `seed ${facts.seed}: ${facts.events} events published, ${sum(facts.statuses)} runs of workflows`,
    `lost ${lost}, doubled ${doubled}, wrong edges ${wrongEdges}, stuck ${stuck}`,
    `posts and comments: ${fates(facts.posts)}; edges: ${fates(facts.edges)}; edges that took one more event: ${facts.goingOn}`,
    `runs: ${list(facts.statuses)}; parked and released ${facts.released}, skipped at last ${facts.skippedAtLast}, redriven ${facts.redriven}, poison rejected ${facts.rejected}`,
    `processes killed ${killed}; injected: ${list(facts.injected)}`,
    ...describeOperators(facts.operators),
    `effects on the Stream server: ${list(facts.effects)}`,
    `healed ${(facts.healedMs / 1000).toFixed(1)} s after the last fault`,
    'conservation (of a killed process, as its metrics said up to 0.5 s before: it takes its counters along):',
    ...facts.lives.flatMap((life) => (life.counts ? [`  ${describeLife(life, life.counts)}`] : [])),
    ...facts.skipped.map((reason) => `skipped: ${reason}`),
    ...(faults.length === 0 ? ['all is well'] : faults.map((fault) => `FAULT ${fault}`)),
  ].join('\n');
}

function describeOperators(operators: OperatorCounts): string[] {
  const kinds = Object.entries(operators);
  const done = kinds.reduce((total, [, counts]) => total + counts.done, 0);
  return [
    `operators did ${done} things (done/refused/without an answer/without a target):`,
    ...kinds.map(
      ([name, { done, refused, unanswered, withoutTarget }]) =>
        `  ${name}: ${done}/${refused}/${unanswered}/${withoutTarget}`,
    ),
  ];
}

function describeLife({ name, pid, end }: ProcessLife, counts: BridgeCounts): string {
  const { received, started, joined, deduplicated, rejected, returned, inFlight } = counts;
  return (
    `${name} ${pid} ${end}: received ${received} = ${started} started + ${joined} joined + ${deduplicated} deduplicated ` +
    `+ ${rejected} rejected + ${returned} returned + ${inFlight} in flight (off by ${imbalanceOf(counts)})`
  );
}

function fates({ applied, givenUp, torn, lost }: FateCounts): string {
  return `${applied} applied, ${givenUp} given up, ${torn} ended half-way, ${lost} lost`;
}

function list(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
  return parts.join(', ') || 'none';
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
