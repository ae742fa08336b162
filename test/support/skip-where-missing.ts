import type { Context } from 'mocha';

/** Skips what needs a system program, and says on the terminal why. @param why undefined where nothing is missing */
export function skipWhereMissing(context: Context, why: string | undefined): void {
  if (why === undefined) return;
  process.stdout.write(`      skipped: ${why}\n`);
  context.skip();
}
