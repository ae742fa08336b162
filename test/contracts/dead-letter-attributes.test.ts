import assert from 'node:assert/strict';
import {
  FIRST_SENT,
  firstSentMs,
  forwardedAttributes,
  REJECT_REASON,
} from '../../contracts/shared/dead-letter-attributes.ts';

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

describe('the attributes of a message that is sent anew', () => {
  const text = (StringValue: string) => ({ DataType: 'String', StringValue });
  const firstSent = { FirstSentTimestamp: text(String(SENT_MS)) };

  it("are the producer's own and when it was first sent, with a reason on the way in and none on the way out", () => {
    assert.equal(FIRST_SENT, 'FirstSentTimestamp');
    assert.equal(REJECT_REASON, 'RejectReason');
    const producer = { trace: text('t-1'), bytes: { DataType: 'Binary', BinaryValue: new Uint8Array([1]) } };
    const rejected = forwardedAttributes(producer, SENT_MS, 'InvalidJson: is no JSON');
    assert.deepEqual(rejected, { ...producer, ...firstSent, RejectReason: text('InvalidJson: is no JSON') });
    assert.deepEqual(forwardedAttributes(rejected, SENT_MS), { ...producer, ...firstSent });
    assert.deepEqual(forwardedAttributes({ [FIRST_SENT]: text('soon') }, SENT_MS), firstSent);
  });

  it('bear none of the empty lists with which SQS hands attributes out', () => {
    const received = { ...text('t-1'), StringListValues: [], BinaryListValues: [] };
    assert.deepEqual(forwardedAttributes({ trace: received }, SENT_MS), { trace: text('t-1'), ...firstSent });
  });

  it('are ten at most, ours always among them', () => {
    const many = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`a${index}`, text('x')]));
    const names = (reason?: string): string[] => Object.keys(forwardedAttributes(many, SENT_MS, reason)).toSorted();
    const own = (count: number) => Array.from({ length: count }, (_, index) => `a${index}`);
    assert.deepEqual(names('x'), [...own(8), FIRST_SENT, REJECT_REASON].toSorted());
    assert.deepEqual(names(), [...own(9), FIRST_SENT].toSorted());
    const again = forwardedAttributes({ ...firstSent, RejectReason: text('y'), ...many }, SENT_MS, 'x');
    assert.deepEqual(Object.keys(again).toSorted(), names('x'));
  });
});
