import assert from 'node:assert/strict';
import { ReceivePace, type StartHealth } from '../../bridge/receive-pace.ts';

describe('ReceivePace', () => {
  it('receives ten at a time while starts go well', () => {
    const pace = new ReceivePace({ state: 'well', sinceMs: 0 }, 10_000);
    for (const nowMs of [0, 1, 2]) {
      assert.equal(pace.allowance(nowMs), 10);
      pace.receiving(nowMs);
    }
  });

  it('looks for a message that starts once a second while a common trouble is only suspected', () => {
    const pace = new ReceivePace({ state: 'suspected', sinceMs: 0 }, 10_000);
    pace.receiving(0);
    assert.deepEqual([pace.allowance(999), pace.allowance(1_000)], [0, 10]);
  });

  it('lets in one message at a time while nothing starts, and at once more when that ends', () => {
    const health = { state: 'down', sinceMs: 5_000 } satisfies StartHealth as {
      -readonly [K in keyof StartHealth]: StartHealth[K];
    };
    const pace = new ReceivePace(health, 10_000);
    pace.receiving(4_000);
    assert.deepEqual([pace.allowance(14_999), pace.allowance(15_000)], [0, 1]);
    pace.receiving(15_000);
    assert.deepEqual([pace.allowance(24_999), pace.allowance(25_000)], [0, 1]);
    health.state = 'well';
    assert.equal(pace.allowance(15_001), 10);
  });
});
