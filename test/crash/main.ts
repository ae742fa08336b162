import { parseArgs } from 'node:util';
import { stopSharedTemporal } from '../support/temporal.ts';
import { describeKillPoint, type Site } from './kill-points.ts';
import { casesOf, describeCase, playAll, withLanes, type CaseResult } from './matrix.ts';
import { SCENARIOS } from './scenarios.ts';

const HELP = `Kills the worker process at every await of every kind of event, one kill a case, and checks that it ends as without.

  npm run crash-matrix [-- --lanes N] [--only TEXT] [--dry]

  --lanes N     cases played at once (default 4)
  --only TEXT   scenarios whose name holds the text
  --dry         without kills: shows the moments
`;

const { values } = parseArgs({
  options: {
    lanes: { type: 'string', default: '4' },
    only: { type: 'string', default: '' },
    dry: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

async function main(lanes: number, only: string, dry: boolean): Promise<boolean> {
  const begun = performance.now();
  const say = (line: string): void => {
    const seconds = ((performance.now() - begun) / 1000).toFixed(1).padStart(6);
    process.stdout.write(`${seconds} s  ${line}\n`);
  };
  const scenarios = SCENARIOS.filter(({ name }) => name.includes(only));
  const tell = (result: CaseResult): void => {
    const { faults, killed, kill, ms } = result;
    const end = faults.length > 0 ? `FAULT ${faults.join('; ')}` : kill && !killed ? 'not reached' : 'as it should';
    say(`${describeCase(result)}: ${end} (${(ms / 1000).toFixed(1)} s)`);
    if (!kill) for (const passed of result.passed) say(`  ${passed.site}: ${describeKillPoint(passed)}`);
  };
  const results = await withLanes(lanes, async (running) => {
    const without = await playAll(
      scenarios.map((scenario) => ({ scenario })),
      running,
      tell,
    );
    if (dry) return without;
    const cases = without.flatMap((result) => casesOf(result));
    say(`${cases.length} moments to be killed at`);
    return [...without, ...(await playAll(cases, running, tell))];
  });
  process.stdout.write(`\n${describeResults(results)}\n`);
  return results.every(({ faults }) => faults.length === 0);
}

function describeResults(results: readonly CaseResult[]): string {
  const byScenario = Map.groupBy(results, ({ scenario }) => scenario.name);
  const lines = Array.from(byScenario, ([name, all]) => {
    const passed = all.find(({ kill }) => !kill)?.passed ?? [];
    const awaits = (site: Site): number =>
      passed.filter((each) => each.site === site && each.phase === 'before').length;
    const kills = all.filter(({ killed }) => killed).length;
    const missed = all.filter(({ kill, killed }) => kill && !killed).length;
    const wrong = all.filter(({ faults }) => faults.length > 0).length;
    return (
      `  ${name}: ${awaits('stream')} requests, ${awaits('temporal')} calls to Temporal, ${awaits('task')} workflow tasks; ` +
      `${kills} kills, ${missed} not reached, ${wrong} wrong`
    );
  });
  const count = (which: (result: CaseResult) => boolean): number => results.filter(which).length;
  return [
    ...lines,
    `${results.length} cases, ${count(({ killed }) => killed)} kills, ${count(({ kill, killed }) => kill !== undefined && !killed)} not reached, ${count(({ faults }) => faults.length > 0)} wrong`,
    ...results.flatMap((result) => result.faults.map((fault) => `FAULT ${describeCase(result)}: ${fault}`)),
  ].join('\n');
}

if (values.help) {
  process.stdout.write(HELP);
} else {
  try {
    if (!(await main(Number(values.lanes), values.only, values.dry))) process.exitCode = 1;
  } finally {
    await stopSharedTemporal();
  }
}
