import assert from 'node:assert/strict';
import { FIRST_SENT, firstSentMs } from '../../contracts/dead-letter-attributes.ts';

describe('the time a message was first sent', () => {
  it('outlasts its way through a dead-letter queue', () => {
    assert.equal(firstSentMs({}, 90), 90);
    assert.equal(firstSentMs({ [FIRST_SENT]: { StringValue: '70' } }, 90), 70);
  });

  it('is not taken from an attribute that makes no sense', () => {
    for (const StringValue of ['', 'soon', '-5', '95', '1e3', undefined]) {
      assert.equal(firstSentMs({ [FIRST_SENT]: { StringValue } }, 90), 90);
    }
  });
});
