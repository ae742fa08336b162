/**
 * Whether tests of many cases run whole, as in CI, or with fewer of them, so that all tests end within 10 minutes on a
 * developer's machine: `FULL_TESTS=1`.
 */
export const FULL = process.env['FULL_TESTS'] === '1';

/** How many cases, whole and otherwise. */
export function extent(whole: number, otherwise: number): number {
  return FULL ? whole : otherwise;
}
