import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';

export interface ChaosOptions {
  readonly seed: number;
  /** How long faults are injected; healing and checking come on top. */
  readonly faultMs: number;
  /** Events published every {@link waveEveryMs}. */
  readonly waveSize: number;
  readonly waveEveryMs: number;
  /** Pause between two faults, milliseconds, least and most. */
  readonly pauseMs: readonly [least: number, most: number];
  /** Whether Toxiproxy may be fetched and built when it is not in the cache. */
  readonly buildToxiproxy: boolean;
  /** Longest wait, after the faults, until everything is applied. */
  readonly healMs: number;
  /** Instead of a run: parks so many events and releases them with one batch signal. */
  readonly parked?: number;
}

export const QUICK: Omit<ChaosOptions, 'seed'> = {
  faultMs: 24_000,
  waveSize: 30,
  waveEveryMs: 3_000,
  pauseMs: [500, 2_000],
  buildToxiproxy: false,
  healMs: 120_000,
};

export const HELP = `Runs the whole stack under faults and checks that nothing is lost, doubled or wrong.

  npm run chaos [-- --seed N] [--minutes N] [--quick]
  npm run chaos -- --parked N

  --seed N      repeats the schedule of faults and the traffic of an earlier run (default: any)
  --minutes N   how long faults are injected (default 10)
  --quick       about a minute, as npm test runs it
  --parked N    parks N events instead, releases them with one batch signal, and checks effects and pace
`;

/** @throws Error that says which argument makes no sense; undefined when only the help was asked for */
export function readOptions(args: readonly string[]): ChaosOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string' },
      minutes: { type: 'string', default: '10' },
      quick: { type: 'boolean', default: false },
      parked: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const seed = values.seed === undefined ? randomInt(1_000_000) : numberOf('--seed', values.seed);
  if (values.parked !== undefined) return { seed, ...QUICK, parked: numberOf('--parked', values.parked) };
  if (values.quick) return { seed, ...QUICK };
  return {
    seed,
    faultMs: numberOf('--minutes', values.minutes) * 60_000,
    waveSize: 40,
    waveEveryMs: 4_000,
    pauseMs: [1_000, 6_000],
    buildToxiproxy: true,
    healMs: 300_000,
  };
}

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value;
  throw new Error(`${name} must be a number, not ${JSON.stringify(text)}`);
}
