import { releaseInBulk } from '../convergence/bulk-release.ts';
import { stopSharedTemporal } from '../support/temporal.ts';
import { describeRun, judge } from './accounting.ts';
import { HELP, readOptions } from './options.ts';
import { runChaos } from './run.ts';
import { reportSessionsChaos } from './sessions/main.ts';
import { toSessionsOptions } from './sessions/options.ts';

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (!options) {
    process.stdout.write(HELP);
    return;
  }
  const begun = performance.now();
  const say = (line: string): void => {
    const seconds = ((performance.now() - begun) / 1000).toFixed(1).padStart(6);
    process.stdout.write(`${seconds} s  ${line}\n`);
  };
  try {
    if (options.parked !== undefined) {
      const { parked, seconds, busiest } = await releaseInBulk(options.parked);
      say(
        `${parked} parked events released in ${seconds.toFixed(1)} s, all applied or superseded; ${busiest} writes/s at most`,
      );
      return;
    }
    if (options.only !== 'sessions') {
      say(`seed ${options.seed}`);
      const facts = await runChaos(options, say);
      const verdict = judge(facts);
      process.stdout.write(`\n${describeRun(facts, verdict)}\n`);
      if (verdict.faults.length > 0) process.exitCode = 1;
    }
    if (options.only !== 'events' && !(await reportSessionsChaos(toSessionsOptions(options), say)))
      process.exitCode = 1;
  } finally {
    await stopSharedTemporal();
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 2;
}
