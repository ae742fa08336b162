import assert from 'node:assert/strict';
import { FIRST_SENT, firstSentMs } from '../../contracts/dead-letter-attributes.ts';

const SENT_MS = Date.UTC(2026, 0, 31);

function at(StringValue: string | undefined, DataType = 'String'): number {
  const attributes = { [FIRST_SENT]: { DataType, StringValue } };
  return firstSentMs(attributes, SENT_MS);
}

describe('the time a message was first sent', () => {
  it('outlasts its way through a dead-letter queue, whatever type the attribute was given', () => {
    assert.equal(firstSentMs({}, SENT_MS), SENT_MS);
    assert.equal(at(String(SENT_MS - 1)), SENT_MS - 1);
    assert.equal(at(String(SENT_MS - 1), 'Number'), SENT_MS - 1);
    assert.equal(at(String(SENT_MS - 1), 'Number.epoch'), SENT_MS - 1);
  });

  it('is never later than the copy', () => {
    for (const later of [SENT_MS + 1, 9_999_999_999_999]) assert.equal(at(String(later)), SENT_MS);
  });

  it('is not taken from an attribute that makes no sense', () => {
    const garbage = [
      undefined,
      '',
      'soon',
      '-5',
      '0',
      '70',
      '1e12',
      '1700000000',
      '1700000000000000',
      ' 1700000000000',
    ];
    for (const text of [...garbage, '1700000000000.5', '2026-01-30T00:00:00Z', '١٧٠٠٠٠٠٠٠٠٠٠٠']) {
      assert.equal(at(text), SENT_MS, String(text));
    }
  });
});
