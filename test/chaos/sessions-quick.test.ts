import assert from 'node:assert/strict';
import { seedFrom } from '../support/extent.ts';
import { whyNoRedis } from '../support/redis-server.ts';
import { skipWhereMissing } from '../support/skip-where-missing.ts';
import { QUICK_SESSIONS } from './sessions/options.ts';
import { runSessionsChaos } from './sessions/run.ts';
import { describeSessionsRun, judgeSessions } from './sessions/verdict.ts';

describe('stream sessions under faults', function () {
  // The first run on a machine may have to build the Temporal server.
  this.timeout(900_000);

  it('are never over a cap, end no stream that plays and leak no slot', async function () {
    skipWhereMissing(this, whyNoRedis());
    const seed = seedFrom('CHAOS_SEED');
    const facts = await runSessionsChaos({ seed, ...QUICK_SESSIONS }, () => undefined);
    const verdict = judgeSessions(facts);
    const report = describeSessionsRun(facts, verdict);
    assert.deepEqual(verdict.faults, [], `CHAOS_SEED=${seed} repeats it\n${report}`);
    assert.ok(verdict.histories >= 10 && facts.lives.some(({ end }) => end === 'killed'), report);
  });
});
