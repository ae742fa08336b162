import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import { extent, seedFrom } from '../support/extent.ts';
import { FAILED_SEEDS } from './failed-seeds.ts';
import { play } from './play.ts';
import { makeSchedule } from './schedule.ts';
import { Stage } from './stage.ts';
import { TroubledStream } from './troubled-stream.ts';

const BRIDGES = 3;
const AT_ONCE = Number(process.env['CONVERGENCE_AT_ONCE'] ?? 60);
const SEED = seedFrom('CONVERGENCE_SEED');
const SCHEDULES = Number(process.env['CONVERGENCE_SCHEDULES'] ?? extent(1_000, 250));
/** Few of the runs get that far. */
const SUGGEST_CONTINUE_AT = 60;

describe(`edges converge: ${SCHEDULES} schedules over ${BRIDGES} bridges`, function () {
  this.timeout(900_000);
  const run = randomUUID().slice(0, 8);
  let stage: Stage;

  before(async () => {
    const stream = new TroubledStream({ quickMs: 300, patientMs: 500, stuckMs: 1_800 });
    stage = await Stage.open({ bridges: BRIDGES, seed: SEED, suggestContinueAt: SUGGEST_CONTINUE_AT, stream });
  });
  after(() => stage.close());

  const playAll = async (seeds: readonly number[]): Promise<string[]> => {
    const waiting = [...seeds];
    const faults: string[] = [];
    const playNext = async (): Promise<void> => {
      for (let seed = waiting.shift(); seed !== undefined; seed = waiting.shift()) {
        const found = await play(makeSchedule(seed, { starters: BRIDGES }, run), stage).catch((error: unknown) => [
          `could not be played: ${inspect(error)}`,
        ]);
        faults.push(...found.map((fault) => `seed ${seed} ${fault}`));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, playNext));
    return faults;
  };

  it(`with those that failed once, and from seed ${SEED} on (CONVERGENCE_SEED repeats it)`, async () => {
    const begun = performance.now();
    const random = Array.from({ length: SCHEDULES }, (_, index) => SEED + index);
    const faults = await playAll([...new Set([...FAILED_SEEDS.map(({ seed }) => seed), ...random])]);
    const seconds = (performance.now() - begun) / 1000;
    console.log(`      seed ${SEED}: ${SCHEDULES} schedules in ${seconds.toFixed(1)} s, ${faults.length} faults`);
    assert.deepEqual(faults, []);
  });
});
