import assert from 'node:assert/strict';
import { postEvent } from '../support/events.ts';
import { faultsOfPost, type PostFacts } from './post-verdict.ts';

describe('the verdict on a post', () => {
  const event = postEvent();
  const standing = { is: 'activity', verb: 'Post', feeds: [event.feed, ...event.to] } as const;
  const judge = (facts: Partial<PostFacts>): string =>
    faultsOfPost({ event, status: 'applied', isCutShort: false, givingUps: [], end: standing, ...facts }).join();

  it('wants it once in just its feeds when it was applied', () => {
    assert.equal(judge({}), '');
    assert.match(judge({ end: undefined }), /ends with nothing/);
    assert.match(judge({ end: { ...standing, feeds: [event.feed] } }), /ends with Post in/);
    assert.match(judge({ end: { ...standing, feeds: [...standing.feeds, 'user:other'] } }), /ends with Post in/);
  });

  it('wants nothing left of one that was given up, and somebody who did', () => {
    const givingUps = [{ by: 'skip' }] as const;
    assert.equal(judge({ status: 'skipped', givingUps, end: undefined }), '');
    assert.match(judge({ status: 'compensated', givingUps }), /compensated and ends with Post/);
    assert.match(judge({ status: 'skipped', end: undefined }), /nobody gave it up/);
  });

  it('takes either for right of one that was cut short', () => {
    assert.equal(judge({ status: 'pending', isCutShort: true }), '');
    assert.equal(judge({ status: 'pending', isCutShort: true, end: undefined }), '');
    assert.match(judge({ status: 'pending' }), /closed as pending/);
  });
});
