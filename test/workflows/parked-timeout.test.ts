import assert from 'node:assert/strict';
import { DEFAULT_EVENT_POLICY, type EventPolicy } from '../../contracts/events/event-policy.ts';
import { parkedTimeout } from '../../workflows/events/parked-timeout.ts';

describe('what ends the wait for an operator', () => {
  const policy: EventPolicy = {
    ...DEFAULT_EVENT_POLICY,
    overtakenLingerMs: 7,
    autoRetryDelaysMs: [0, 20],
    parkedLimitMs: 100,
  };
  const overtaken = { ms: 7, action: 'supersede', summary: 'overtaken: closes by itself' };
  const retry = { action: 'retry', summary: 'parked: retried by itself' };
  const failing = { action: 'fail', summary: 'parked: fails when nobody decides' };

  it('is the schedule of retries first, each pause once, then the limit', () => {
    assert.deepEqual(
      [0, 1, 2, 3].map((retries) => parkedTimeout(policy, false, retries)),
      [
        { ...retry, ms: 0 },
        { ...retry, ms: 20 },
        { ...failing, ms: 100 },
        { ...failing, ms: 100 },
      ],
    );
    assert.deepEqual(parkedTimeout({ ...policy, parkedLimitMs: 0 }, false, 2), { ...failing, ms: 0 });
  });

  it('is the time that an event lingers which a later one overtook, whatever else is set', () => {
    assert.deepEqual(parkedTimeout(policy, true, 0), overtaken);
    assert.deepEqual(parkedTimeout(policy, true, 9), overtaken);
  });

  it('is nothing by default', () => {
    assert.equal(parkedTimeout(DEFAULT_EVENT_POLICY, false, 0), undefined);
  });
});
