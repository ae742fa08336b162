/** How pauses between attempts grow; milliseconds. */
export interface BackoffSchedule {
  /** Longest pause after the first failure. */
  readonly initialMs: number;
  /** Longest pause of all. */
  readonly maximumMs: number;
}

/**
 * Pause after the given failure: doubles each time, and is drawn from the upper half of that, so that replicas which failed
 * together do not come back together, yet none comes back at once.
 *
 * @param failures failures in a row, from 1
 * @param random number in [0, 1); injected by tests
 */
export function backoffMs(schedule: BackoffSchedule, failures: number, random: () => number = Math.random): number {
  const longest = Math.min(schedule.maximumMs, schedule.initialMs * 2 ** (failures - 1));
  return longest / 2 + (random() * longest) / 2;
}
