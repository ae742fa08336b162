import assert from 'node:assert/strict';
import fc from 'fast-check';
import { encodeIdComponent } from '../../contracts/shared/id-component.ts';
import { eventWorkflowId } from '../../contracts/events/event-workflow.ts';
import { streamSessionsWorkflowId } from '../../contracts/sessions/stream-sessions.ts';
import { followEvent, postEvent, reactionEvent } from '../support/events.ts';

describe('workflow ids', () => {
  const anyText = fc.string({ unit: 'grapheme', maxLength: 60 });

  it('stay readable: only %, /, white space, control and non-ASCII characters are encoded', () => {
    assert.equal(encodeIdComponent('timeline:alice'), 'timeline:alice');
    assert.equal(encodeIdComponent('Post:a-1?&=+;,@#"{}'), 'Post:a-1?&=+;,@#"{}');
    assert.equal(encodeIdComponent('50% off/now\tor never\u007f'), '50%25%20off%2Fnow%09or%20never%7F');
    assert.equal(encodeIdComponent('é😀'), '%C3%A9%F0%9F%98%80');
  });

  it('follow the contract for every kind of event', () => {
    const follow = followEvent({ edge: 'x' });
    assert.equal(eventWorkflowId(follow), 'follow/timeline:alice-x/user:bob');
    const post = postEvent();
    assert.equal(eventWorkflowId(post), `activity/${post.foreignId}`);
    assert.equal(eventWorkflowId(reactionEvent({ edge: 'like of bob/1' })), 'reaction/like%20of%20bob%2F1');
    assert.equal(streamSessionsWorkflowId('alice'), 'stream-sessions/alice');
  });

  it('are the same for no two different components', () => {
    fc.assert(
      fc.property(anyText, anyText, (left, right) => {
        assert.equal(encodeIdComponent(left) === encodeIdComponent(right), left === right);
        assert.equal(decodeURIComponent(encodeIdComponent(left)), left);
      }),
    );
  });

  it('keep the parts of an edge apart, however hostile', () => {
    fc.assert(
      fc.property(fc.tuple(anyText, anyText), fc.tuple(anyText, anyText), (left, right) => {
        const id = (parts: readonly string[]): string => parts.map(encodeIdComponent).join('/');
        assert.equal(id(left) === id(right), left[0] === right[0] && left[1] === right[1]);
      }),
    );
  });
});
