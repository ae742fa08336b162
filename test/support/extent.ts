/**
 * Whether tests of many cases run whole, as in CI, or with fewer of them, so that all tests end within 10 minutes on a
 * developer's machine: `FULL_TESTS=1`.
 */
export const FULL = process.env['FULL_TESTS'] === '1';

/** The cases of a list, or a few of them, spread over it. */
export function someOf<Case>(cases: readonly Case[], otherwise: number): readonly Case[] {
  const step = cases.length / Math.min(otherwise, cases.length);
  return FULL ? cases : cases.filter((_, index) => Math.floor(index / step) !== Math.floor((index - 1) / step));
}

/** How many cases, whole and otherwise. */
export function extent(whole: number, otherwise: number): number {
  return FULL ? whole : otherwise;
}
