import assert from 'node:assert/strict';
import { extent, seedFrom } from '../support/extent.ts';
import { describeRun, judge } from './accounting.ts';
import { QUICK } from './options.ts';
import { runChaos } from './run.ts';

describe('the whole stack under faults and the hands of operators', function () {
  // The first run on a machine may have to build the Temporal server.
  this.timeout(900_000);

  it('loses, doubles and mistakes nothing, and nothing is stuck', async () => {
    const seed = seedFrom('CHAOS_SEED');
    const facts = await runChaos({ seed, ...QUICK }, () => undefined);
    const verdict = judge(facts);
    assert.deepEqual(verdict.faults, [], `CHAOS_SEED=${seed} repeats it\n${describeRun(facts, verdict)}`);
    assert.ok(
      facts.events > extent(200, 100) && facts.lives.some(({ end }) => end === 'killed'),
      describeRun(facts, verdict),
    );
    const acts = Object.values(facts.operators).reduce((total, { done }) => total + done, 0);
    assert.ok(acts > 0, describeRun(facts, verdict));
  });
});
