import { standingOf, type EdgeRegister } from '../../contracts/events/edge-order.ts';
import { describeReaction } from '../support/graph-check.ts';
import type { PlannedEdge, PlannedPost } from '../support/traffic.ts';
import type { RunRecord } from './run-records.ts';

/** Something that is not as it must be. */
export interface Finding {
  readonly kind: 'lost' | 'doubled' | 'wrongEdge' | 'stuck' | 'exposed';
  readonly text: string;
}

/**
 * What became of an event, or of the last event of an edge. `torn`: an operator ended its last run half-way, so that more than one
 * end is right.
 */
export type Fate = 'applied' | 'givenUp' | 'torn' | 'lost';

export interface Judgement {
  readonly fate: Fate;
  readonly findings: readonly Finding[];
}

const NOTHING = 'nothing';

/** What stands on GetStream of an edge after one of its events, in words. */
export function effectsOf(edge: PlannedEdge): { readonly atMs: number; readonly effect: string }[] {
  return edge.kind === 'reaction'
    ? edge.moments.map(({ atMs, stands }) => ({ atMs, effect: describeReaction(stands) }))
    : edge.moments.map(({ atMs, stands }) => ({ atMs, effect: stands ? 'follows' : NOTHING }));
}

/** @param times how often its feed holds it */
export function judgePost({ workflowId }: PlannedPost, times: number, runs: readonly RunRecord[]): Judgement {
  const latest = runs.find(({ isLatest }) => isLatest);
  if (!latest) return lost(`${workflowId} was never started`);
  const fate = fateOfRun(latest);
  const isUnasked = fate === 'givenUp' && runs.every(({ givingUp }) => givingUp.length === 0);
  return {
    fate,
    findings: [
      ...stuckIn(runs),
      ...(isUnasked ? [finding('lost', `${workflowId} is ${latest.status}, though nobody gave it up`)] : []),
      ...(times > 1 ? [finding('doubled', `${workflowId} stands ${times} times`)] : []),
      ...(fate === 'applied' && times === 0 ? [finding('lost', `${workflowId} is applied and does not stand`)] : []),
      ...(fate === 'givenUp' && times > 0
        ? [finding('wrongEdge', `${workflowId} is ${latest.status} and stands`)]
        : []),
    ],
  };
}

/**
 * The latest event of an edge must stand, unless an operator gave it up while it was open; then that which was applied last
 * before, as the edge itself says, and as the registers of all its runs bear out.
 *
 * @param is what stands on GetStream, in the words of {@link effectsOf}
 */
export function judgeEdge(edge: PlannedEdge, is: string, runs: readonly RunRecord[]): Judgement {
  const { workflowId } = edge;
  const effects = effectsOf(edge);
  const last = effects.at(-1);
  const run = runs.find(({ isLatest }) => isLatest);
  if (!last) return { fate: 'applied', findings: [] };
  if (!run) return lost(`${workflowId} was never started`);
  const { applied, givenUp } = decisionsOf(runs);
  const register = latestRegister(runs);
  const given = runs.flatMap((each) => each.given).map(({ event }) => event.eventTimeMicros / 1000);
  const isDecided = register !== undefined && register.eventTimeMicros / 1000 >= last.atMs;
  const kept = Math.max(...[...applied].filter((atMs) => !givenUp.has(atMs)), Number.NEGATIVE_INFINITY);
  const effectAt = (atMs: number): string => effects.find((each) => each.atMs === atMs)?.effect ?? NOTHING;
  const findings = [...stuckIn(runs)];
  if (!isDecided && !given.includes(last.atMs))
    findings.push(finding('lost', `${workflowId}: its last event came to no run`));
  if (fateOfRun(run) === 'torn' && !(isDecided && isSettled(run))) {
    const right = [NOTHING, ...effects.filter(({ atMs }) => atMs >= kept).map(({ effect }) => effect)];
    if (!right.includes(is)) findings.push(wrong(edge, is, `one of ${right.join(', ')}`));
    return { fate: 'torn', findings };
  }
  if (!isDecided) {
    findings.push(finding('lost', `${workflowId}: its last event was not decided on, and nobody ended its run`));
    return { fate: 'lost', findings };
  }
  const standing = standingOf(register);
  const standsAt = standing ? standing.eventTimeMicros / 1000 : Number.NEGATIVE_INFINITY;
  if (standsAt === last.atMs) {
    if (is !== last.effect) findings.push(wrong(edge, is, last.effect));
    return { fate: 'applied', findings };
  }
  const since = Math.min(
    ...runs
      .flatMap((each) => each.given.filter(({ event }) => event.eventTimeMicros / 1000 === last.atMs))
      .map(({ atMs }) => atMs),
  );
  if (!runs.some(({ givingUp }) => givingUp.some(({ atMs }) => atMs >= since))) {
    findings.push(finding('lost', `${workflowId}: its last event was given up, though nobody asked for it`));
  }
  if (standsAt < kept)
    findings.push(finding('lost', `${workflowId}: what was applied before the event given up is forgotten`));
  if (is !== effectAt(standsAt)) findings.push(wrong(edge, is, `${effectAt(standsAt)}, as before the event given up`));
  return { fate: 'givenUp', findings };
}

/** Times of events that some run said it had applied, and of those some run said were given up. */
function decisionsOf(runs: readonly RunRecord[]): { readonly applied: Set<number>; readonly givenUp: Set<number> } {
  const [applied, givenUp] = [new Set<number>(), new Set<number>()];
  for (const { registers } of runs) {
    for (const register of registers) {
      if (register.eventTimeMicros < 0) continue;
      (register.stands === undefined ? applied : givenUp).add(register.eventTimeMicros / 1000);
      if (register.stands) applied.add(register.stands.eventTimeMicros / 1000);
    }
  }
  return { applied, givenUp };
}

/** The one of the latest position; of those, the one that the latest run wrote last. */
function latestRegister(runs: readonly RunRecord[]): EdgeRegister | undefined {
  const ordered = [...runs.filter(({ isLatest }) => !isLatest), ...runs.filter(({ isLatest }) => isLatest)];
  return ordered
    .flatMap(({ registers }) => registers)
    .reduce<EdgeRegister | undefined>(
      (latest, next) => (latest && latest.eventTimeMicros > next.eventTimeMicros ? latest : next),
      undefined,
    );
}

function fateOfRun(run: RunRecord): Fate {
  if (run.execution === 'TERMINATED' || run.execution === 'FAILED') return 'torn';
  return run.status === 'skipped' || run.status === 'compensated' ? 'givenUp' : 'applied';
}

function isSettled({ status }: RunRecord): boolean {
  return status !== 'pending' && status !== 'parked';
}

function stuckIn(runs: readonly RunRecord[]): Finding[] {
  return runs.flatMap(({ workflowId, runId, execution, status, taskFailures, exposed }) => [
    ...(execution === 'RUNNING' ? [finding('stuck', `${workflowId} (${runId}) is open and ${status}`)] : []),
    ...exposed.map((text) => finding('exposed', `${workflowId} (${runId}): its history holds ${text}`)),
    ...taskFailures.map((cause) => finding('stuck', `${workflowId} (${runId}): a workflow task failed: ${cause}`)),
  ]);
}

function lost(text: string): Judgement {
  return { fate: 'lost', findings: [finding('lost', text)] };
}

function wrong({ workflowId }: PlannedEdge, is: string, should: string): Finding {
  return finding('wrongEdge', `${workflowId} should be ${should}, is ${is}`);
}

function finding(kind: Finding['kind'], text: string): Finding {
  return { kind, text };
}
