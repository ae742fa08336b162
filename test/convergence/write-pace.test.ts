import assert from 'node:assert/strict';
import { busiestWindow } from './write-pace.ts';

describe('the pace of writes', () => {
  it('is the most within any window', () => {
    const looks = [0, 5, 6, 20, 21].map((writes, index) => ({ atMs: index * 500, writes }));
    assert.equal(busiestWindow(looks, 500), 14);
    assert.equal(busiestWindow(looks, 1_000), 15);
    assert.equal(busiestWindow([], 1_000), 0);
  });
});
