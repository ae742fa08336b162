import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { activeStreamsKey } from '../../contracts/shared/search-attributes.ts';
import { eventually } from '../support/eventually.ts';
import { policyWith, wish } from './support/policies.ts';
import { startSessionsWorker, type SessionsFixture } from './support/sessions-worker.ts';

describe('an account that nobody asks', function () {
  this.timeout(60_000);
  let fixture: SessionsFixture;

  before(async function () {
    this.timeout(900_000);
    fixture = await startSessionsWorker();
  });
  after(() => fixture.stop());

  it('ends a stream in time though a later end was waited for', async () => {
    const userId = randomUUID();
    await fixture.sessions({ policy: policyWith({ leaseMs: 600_000 }) }).acquire(userId, wish('long'));
    const hasted = policyWith({ version: 2, leaseMs: 500, heartbeatIntervalMs: 100 });
    await fixture.sessions({ policy: hasted }).acquire(userId, wish('short'));
    await eventually(
      async () => {
        const { typedSearchAttributes } = await fixture.handle(userId).describe();
        assert.equal(typedSearchAttributes.get(activeStreamsKey), 1);
      },
      { timeoutMs: 20_000 },
    );
  });
});
