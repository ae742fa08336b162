import type { SessionsChaosOptions } from './options.ts';
import { runSessionsChaos } from './run.ts';
import { describeSessionsRun, judgeSessions } from './verdict.ts';

/** @returns whether all was well; the report is written to standard output */
export async function reportSessionsChaos(
  options: SessionsChaosOptions,
  say: (line: string) => void,
): Promise<boolean> {
  say(`stream sessions: seed ${options.seed}`);
  const facts = await runSessionsChaos(options, say);
  const verdict = judgeSessions(facts);
  process.stdout.write(`\n${describeSessionsRun(facts, verdict)}\n`);
  return verdict.faults.length === 0;
}
