import assert from 'node:assert/strict';
import { followEvent } from '../support/events.ts';
import { faultOf } from './verdict.ts';

describe('the verdict on the writes of an edge', () => {
  const follow = (at: number, copyLimit: number) => followEvent({ at, copyLimit, edge: 'e' });
  const unfollow = (at: number) => followEvent({ at, kind: 'Unfollow', edge: 'e' });
  const add = (mark: number) => ({ present: true as const, mark: String(mark) });
  const removal = { present: false as const };

  it('accepts events in ascending order, left out and repeated', () => {
    const events = [follow(1, 1), unfollow(2), follow(3, 3), unfollow(4)];
    assert.equal(faultOf(events, [add(1), removal, add(3), add(3), removal, removal]), undefined);
    assert.equal(faultOf(events, [removal]), undefined);
    assert.equal(faultOf(events, [add(3), removal]), undefined);
  });

  it('accepts a removal of nothing that was never written', () => {
    assert.equal(faultOf([unfollow(1)], []), undefined);
  });

  it('finds a wrong final state', () => {
    assert.match(faultOf([follow(1, 1), unfollow(2)], [removal, add(1)]) ?? '', /ends present/);
    assert.match(faultOf([follow(1, 1)], []) ?? '', /ends absent/);
  });

  it('finds a state that was gone back to after the final event', () => {
    assert.match(faultOf([follow(1, 1), unfollow(2)], [removal, add(1), removal]) ?? '', /write 2 goes back/);
    assert.match(faultOf([follow(1, 1), follow(2, 2)], [add(2), add(1), add(2)]) ?? '', /write 2 goes back/);
  });

  it('finds the right state written by the wrong event', () => {
    assert.match(faultOf([follow(1, 1), follow(2, 2)], [add(1)]) ?? '', /another event/);
  });

  it('lets a removal win against an addition of the same time', () => {
    assert.equal(faultOf([follow(1, 1), unfollow(1)], [add(1), removal]), undefined);
    assert.match(faultOf([follow(1, 1), unfollow(1)], [removal, add(1)]) ?? '', /ends present/);
  });
});
