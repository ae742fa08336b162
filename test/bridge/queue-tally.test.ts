import assert from 'node:assert/strict';
import { QueueTally } from '../../bridge/queue-tally.ts';
import { MemoryMeter } from './support/harness.ts';

describe('QueueTally', () => {
  it('counts failed starts by whose failure they are, and clocks that are ahead', () => {
    const meter = new MemoryMeter();
    const tally = new QueueTally('q', meter);
    tally.startFailed('message');
    tally.startFailed('everybody');
    tally.startFailed('everybody');
    tally.clockAhead();
    assert.equal(meter.value('bridge_start_failures_total', { queue: 'q', scope: 'message' }), 1);
    assert.equal(meter.value('bridge_start_failures_total', { queue: 'q', scope: 'everybody' }), 2);
    assert.equal(meter.value('bridge_clock_ahead_total', { queue: 'q' }), 1);
  });
});
