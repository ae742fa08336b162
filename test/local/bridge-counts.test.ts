import assert from 'node:assert/strict';
import { BridgeCounter, imbalanceOf, sumByName } from '../../local/bridge-counts.ts';

describe('counts of the bridge', () => {
  it('are sums over queues and reasons', () => {
    const page = [
      '# TYPE bridge_messages_rejected_total counter',
      'bridge_messages_rejected_total{queue="a",reason="InvalidJson"} 1',
      'bridge_messages_rejected_total{queue="a b {c}",reason="InvalidMessage"} 2',
      'up 1',
      '',
    ].join('\n');
    assert.deepEqual(
      [...sumByName(page)],
      [
        ['bridge_messages_rejected_total', 3],
        ['up', 1],
      ],
    );
  });

  it('go on over restarts of the worker, which begins at 0 again', () => {
    const counter = new BridgeCounter();
    for (const received of [4, 7, 2, 3]) counter.observe(`bridge_messages_received_total{queue="a"} ${received}`);
    assert.equal(counter.counts.received, 10);
  });

  it('begin at 0 after a reset, though the worker counts on', () => {
    const counter = new BridgeCounter();
    counter.observe('bridge_messages_received_total{queue="a"} 4');
    counter.reset();
    counter.observe('bridge_messages_received_total{queue="a"} 6\nbridge_messages_started_total{queue="a"} 1');
    assert.equal(counter.counts.received, 2);
    assert.equal(imbalanceOf(counter.counts), 1);
  });

  it('stay in balance after a reset while messages are in flight', () => {
    const counter = new BridgeCounter();
    counter.observe('bridge_messages_received_total{queue="a"} 4\nbridge_messages_in_flight{queue="a"} 3');
    counter.reset();
    counter.observe('bridge_messages_received_total{queue="a"} 4\nbridge_messages_started_total{queue="a"} 3');
    assert.equal(counter.counts.received, 3);
    assert.equal(imbalanceOf(counter.counts), 0);
  });
});
