/** @param part 0.5 for the median; NaN of nothing */
export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? NaN) + (sorted[Math.floor(middle)] ?? NaN)) / 2;
}

/** Of durations, milliseconds. */
export interface Spread {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export function spreadOf(values: readonly number[]): Spread {
  return {
    count: values.length,
    p50: percentile(values, 0.5),
    p99: percentile(values, 0.99),
    max: percentile(values, 1),
  };
}

/** Median of rounds of what they had. */
export function medianOf<Round>(rounds: readonly Round[], value: (round: Round) => number): number {
  return median(rounds.map(value));
}

/** Median of the rounds' own ratios: what slows a whole round down does not count. */
export function medianRatio<Round>(
  rounds: readonly Round[],
  others: readonly Round[],
  value: (round: Round) => number,
): number {
  return median(
    rounds.flatMap((round, index) => {
      const other = others[index];
      return other === undefined ? [] : [value(round) / value(other)];
    }),
  );
}
