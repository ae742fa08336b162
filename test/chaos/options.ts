import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { extent } from '../support/extent.ts';

export interface ChaosOptions {
  readonly seed: number;
  /** How long faults are injected; healing and checking come on top. */
  readonly faultMs: number;
  /** Events published every {@link waveEveryMs}. */
  readonly waveSize: number;
  readonly waveEveryMs: number;
  /** Pause between two faults, milliseconds, least and most. */
  readonly pauseMs: readonly [least: number, most: number];
  /** Pause between two acts of operators, milliseconds, least and most. */
  readonly operatorPauseMs: readonly [least: number, most: number];
  /** Whether Toxiproxy may be fetched and built when it is not in the cache. */
  readonly buildToxiproxy: boolean;
  /** Longest wait, after the faults, until everything is applied. */
  readonly healMs: number;
  /** What to put under faults; both, one after the other, when left out. */
  readonly only?: 'events' | 'sessions';
  /** Instead of a run: parks so many events and releases them with one batch signal. */
  readonly parked?: number;
}

export const QUICK: Omit<ChaosOptions, 'seed'> = {
  faultMs: extent(24_000, 15_000),
  waveSize: 30,
  waveEveryMs: 3_000,
  pauseMs: [500, 2_000],
  operatorPauseMs: [100, 700],
  buildToxiproxy: false,
  healMs: 120_000,
};

export const HELP = `Runs the whole stack under faults: first the events, checking that nothing is lost, doubled or wrong, then the stream
sessions, checking that no account is over its cap, no stream ends wrongly and no slot is leaked.

  npm run chaos [-- --seed N] [--minutes N] [--quick] [--only events|sessions]
  npm run chaos -- --parked N

  --seed N      repeats the schedule of faults and the traffic of an earlier run (default: any)
  --minutes N   how long faults are injected into each of the two (default 10)
  --quick       about a minute each, as npm test runs it
  --only NAME   events or sessions alone
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
      only: { type: 'string' },
      parked: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const seed = values.seed === undefined ? randomInt(1_000_000) : numberOf('--seed', values.seed);
  if (values.parked !== undefined) return { seed, ...QUICK, parked: numberOf('--parked', values.parked) };
  const subject = values.only === undefined ? {} : { only: subjectOf(values.only) };
  if (values.quick) return { seed, ...QUICK, ...subject };
  return {
    seed,
    ...subject,
    faultMs: numberOf('--minutes', values.minutes) * 60_000,
    waveSize: 40,
    waveEveryMs: 4_000,
    pauseMs: [1_000, 6_000],
    operatorPauseMs: [200, 2_000],
    buildToxiproxy: true,
    healMs: 300_000,
  };
}

function subjectOf(text: string): 'events' | 'sessions' {
  if (text === 'events' || text === 'sessions') return text;
  throw new Error(`--only must be events or sessions, not ${JSON.stringify(text)}`);
}

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value;
  throw new Error(`${name} must be a number, not ${JSON.stringify(text)}`);
}
