import { randomInt } from 'node:crypto';

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

/** In CI the same one each time, so that what fails there is what was changed; elsewhere another, which may find something new. */
export function seedFrom(variable: string): number {
  return Number(process.env[variable] ?? (FULL ? CI_SEED : randomInt(1_000_000)));
}

/** Of everything that is random in CI. */
export const CI_SEED = 285_000;
