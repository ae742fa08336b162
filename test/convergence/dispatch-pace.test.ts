import assert from 'node:assert/strict';
import { busiestWindow } from './dispatch-pace.ts';

describe('the pace of dispatched activities', () => {
  it('is the most within any window', () => {
    const times = [0, 100, 200, 900, 1_000, 1_050, 1_099, 5_000];
    assert.equal(busiestWindow(times, 1_000), 6);
    assert.equal(busiestWindow(times, 200), 4);
    assert.equal(busiestWindow([], 1_000), 0);
  });
});
