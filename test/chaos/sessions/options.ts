import { extent } from '../../support/extent.ts';
import type { ChaosOptions } from '../options.ts';

export interface SessionsChaosOptions extends Pick<ChaosOptions, 'seed' | 'faultMs' | 'pauseMs' | 'buildToxiproxy'> {
  /** Accounts that are busy at a time, each for some ten seconds; then another one takes its place. */
  readonly lanes: number;
  /** Longest wait, after the faults, until no slot is taken but by players that beat. */
  readonly healMs: number;
}

export const QUICK_SESSIONS: Omit<SessionsChaosOptions, 'seed'> = {
  faultMs: extent(18_000, 10_000),
  pauseMs: [800, 2_400],
  buildToxiproxy: false,
  lanes: 10,
  healMs: 80_000,
};

/** The sessions' part of a run that was asked for. */
export function toSessionsOptions({ seed, faultMs, pauseMs, buildToxiproxy }: ChaosOptions): SessionsChaosOptions {
  if (!buildToxiproxy) return { seed, ...QUICK_SESSIONS };
  return { seed, faultMs, pauseMs, buildToxiproxy, lanes: 12, healMs: 100_000 };
}
