import { randomUUID } from 'node:crypto';
import { openVariants, type Variant } from './acquire-variants.ts';
import { number, print, printTable } from './report.ts';
import { startServices } from './services.ts';
import { medianOf, medianRatio, spreadOf } from './statistics.ts';

interface Round {
  readonly p50: number;
  readonly p99: number;
  /** Acquire and release together, median. */
  readonly pair: number;
  readonly perSecond: number;
}

const WARM_ACCOUNTS = 50;

/** How long a service waits for a slot. */
export async function benchAcquire({ quick }: { readonly quick: boolean }): Promise<void> {
  const rounds = quick ? 2 : 7;
  const counts = quick ? { 1: 20, 10: 60 } : { 1: 100, 10: 400 };
  await using services = await startServices();
  const { list, close } = await openVariants(services);
  const warm = Array.from({ length: WARM_ACCOUNTS }, (_, index) => `warm-${index}`);
  // All code paths, connections and caches warm as well.
  for (const variant of list) await measure(variant, warm, 10);
  for (const state of ['fresh', 'warm'] as const) {
    for (const lanes of [1, 10] as const) {
      const accounts = (): string[] =>
        Array.from({ length: counts[lanes] }, (_, index) =>
          state === 'warm' ? `warm-${index % WARM_ACCOUNTS}` : randomUUID(),
        );
      const results = list.map((): Round[] => []);
      for (let round = 0; round < rounds; round += 1) {
        for (const [index, variant] of list.entries()) results[index]?.push(await measure(variant, accounts(), lanes));
      }
      report(`acquire: ${state} accounts, ${lanes} at once, ${rounds} rounds of ${counts[lanes]}`, list, results);
    }
  }
  print(
    'A lock in Redis is faster because it promises less: what it holds is gone with the Redis (or with a failover that\n' +
      'lost a write), a refusal does not say who plays, nobody can be evicted or told why, and caps by device or content,\n' +
      'policies and exactly-once retries are left to the caller. Bare updates remember nothing and are never released.',
  );
  await close();
}

async function measure(variant: Variant, accounts: readonly string[], lanes: number): Promise<Round> {
  const acquires: number[] = [];
  const pairs: number[] = [];
  const queue = accounts.values();
  const begun = performance.now();
  const lane = async (): Promise<void> => {
    for (const account of queue) {
      const asked = performance.now();
      const release = await variant.acquire(account);
      acquires.push(performance.now() - asked);
      await release();
      pairs.push(performance.now() - asked);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  const perSecond = (accounts.length / (performance.now() - begun)) * 1_000;
  const { p50, p99 } = spreadOf(acquires);
  return { p50, p99, pair: spreadOf(pairs).p50, perSecond };
}

function report(title: string, list: readonly Variant[], results: readonly (readonly Round[])[]): void {
  const [bare = []] = results;
  printTable(
    title,
    ['', 'p50 ms', 'p99 ms', 'p50 of bare', 'with release ms', 'pairs/s'],
    list.map(({ name }, index) => {
      const rounds = results[index] ?? [];
      return [
        name,
        number(medianOf(rounds, ({ p50 }) => p50)),
        number(medianOf(rounds, ({ p99 }) => p99)),
        number(medianRatio(rounds, bare, ({ p50 }) => p50)),
        number(medianOf(rounds, ({ pair }) => pair)),
        number(medianOf(rounds, ({ perSecond }) => perSecond)),
      ];
    }),
  );
}
