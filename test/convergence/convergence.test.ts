import assert from 'node:assert/strict';
import { randomInt, randomUUID } from 'node:crypto';
import type { EventPolicy } from '../../contracts/event-policy.ts';
import { startEventWorker, TEST_POLICY, type EventWorkerFixture } from '../support/event-worker.ts';
import { openBridges, type Bridges } from './bridges.ts';
import { EdgeModel } from './edge-model.ts';
import { FAILED_SEEDS } from './failed-seeds.ts';
import { play } from './play.ts';
import { makeSchedule } from './schedule.ts';
import { extent } from '../support/extent.ts';

const BRIDGES = 3;
const AT_ONCE = 80;
const SEED = Number(process.env['CONVERGENCE_SEED'] ?? randomInt(1_000_000));
const SCHEDULES = Number(process.env['CONVERGENCE_SCHEDULES'] ?? extent(1_000, 120));

const POLICY: Partial<EventPolicy> = {
  ...TEST_POLICY,
  retryInitialMs: 20,
  retryMaximumMs: 100,
  // No event is to park for a machine that is busy: a parked one waits for an operator.
  retryBudgetMs: 600_000,
  compensationBudgetMs: 600_000,
  attemptTimeoutMs: 5_000,
  resumedLingerMs: 2_000,
};

describe(`edges converge: ${SCHEDULES} schedules over ${BRIDGES} bridges`, function () {
  this.timeout(600_000);
  const run = randomUUID().slice(0, 8);
  const model = new EdgeModel({ seed: SEED, refusedRate: 0.1, unansweredRate: 0.1, maxDelayMs: 10 });
  let fixture: EventWorkerFixture;
  let bridges: Bridges;

  before(async function () {
    this.timeout(900_000);
    fixture = await startEventWorker(model.activities);
    bridges = await openBridges(fixture, { count: BRIDGES, policy: POLICY, seed: SEED, maxDelayMs: 350 });
  });
  after(async () => {
    await bridges.close();
    await fixture.stop();
  });

  const playAll = async (seeds: readonly number[]): Promise<string[]> => {
    const waiting = [...seeds];
    const faults: string[] = [];
    const playNext = async (): Promise<void> => {
      for (let seed = waiting.shift(); seed !== undefined; seed = waiting.shift()) {
        const schedule = makeSchedule(seed, { starters: BRIDGES, lingerMs: POLICY.resumedLingerMs ?? 0 }, run);
        const fault = await play(schedule, { fixture, starters: bridges.starters, model });
        if (fault !== undefined) faults.push(`seed ${seed} ${fault}`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, playNext));
    return faults;
  };

  it('with the schedules that failed once', async () => {
    assert.deepEqual(await playAll(FAILED_SEEDS.map(({ seed }) => seed)), []);
  });

  it(`from seed ${SEED} on (CONVERGENCE_SEED repeats it)`, async () => {
    const begun = performance.now();
    const faults = await playAll(Array.from({ length: SCHEDULES }, (_, index) => SEED + index));
    const seconds = (performance.now() - begun) / 1000;
    console.log(`      seed ${SEED}: ${SCHEDULES} schedules in ${seconds.toFixed(1)} s, ${faults.length} faults`);
    assert.deepEqual(faults, []);
  });
});
