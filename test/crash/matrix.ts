import { isDeepStrictEqual } from 'node:util';
import { describeKillPoint, type KillPoint, type PassedMoment } from './kill-points.ts';
import { Lane } from './lane.ts';
import type { Scenario } from './scenarios.ts';
import { Stage } from './stage.ts';

/** One scenario with a kill at one moment, or without. */
export interface Case {
  readonly scenario: Scenario;
  readonly kill?: KillPoint;
}

export interface CaseResult extends Case {
  readonly passed: readonly PassedMoment[];
  /** Whether a process was killed. */
  readonly killed: boolean;
  readonly faults: readonly string[];
  readonly ms: number;
}

/** Plays one case to its end and compares that with how the scenario ends without a kill. */
export async function play({ scenario, kill }: Case, lane: Lane): Promise<CaseResult> {
  await lane.ready();
  const stage = new Stage(lane);
  const begun = performance.now();
  const kills = lane.kills;
  const faults: string[] = [];
  let passed: readonly PassedMoment[] = [];
  try {
    const act = await scenario.prepare(stage);
    await stage.begin();
    const disarm = await lane.arm(kill);
    try {
      await act();
    } finally {
      passed = await disarm();
    }
    const ends = { ...scenario.ends, graph: scenario.ends.graph.toSorted((left, right) => left.localeCompare(right)) };
    const ending = await stage.ending();
    if (!isDeepStrictEqual(ending, ends)) {
      faults.push(`ended as ${JSON.stringify(ending)}, not as ${JSON.stringify(ends)}`);
    }
  } catch (error) {
    faults.push(error instanceof Error ? error.message : String(error));
  }
  faults.push(...(await stage.clear()));
  const result = { scenario, passed, faults, killed: lane.kills > kills, ms: performance.now() - begun };
  return kill ? { ...result, kill } : result;
}

/** Plays cases in several lanes at once, each taking the next one. */
export async function playAll(
  cases: readonly Case[],
  lanes: readonly Lane[],
  onResult: (result: CaseResult) => void,
): Promise<CaseResult[]> {
  const left = [...cases];
  const results: CaseResult[] = [];
  await Promise.all(
    lanes.map(async (lane) => {
      for (let next = left.shift(); next; next = left.shift()) {
        const result = await play(next, lane);
        results.push(result);
        onResult(result);
      }
    }),
  );
  return results;
}

/** Lanes for the time of an act. */
export async function withLanes<Result>(
  count: number,
  act: (lanes: readonly Lane[]) => Promise<Result>,
): Promise<Result> {
  const lanes: Lane[] = [];
  try {
    while (lanes.length < count) lanes.push(await Lane.start());
    return await act(lanes);
  } finally {
    await Promise.all(lanes.map((lane) => lane.stop()));
  }
}

/** A kill at every moment that the scenario passed without one. */
export function casesOf({ scenario, passed }: CaseResult): Case[] {
  return passed.map(({ site, phase, nth, label }) => ({ scenario, kill: { site, phase, nth, label } }));
}

export function describeCase({ scenario, kill }: Case): string {
  return kill ? `${scenario.name}, killed at ${describeKillPoint(kill)}` : `${scenario.name}, not killed`;
}
