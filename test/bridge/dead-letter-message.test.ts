import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { deadLetterAttributes, rejectReason } from '../../bridge/dead-letter-message.ts';
import { failuresOf } from '../../contracts/shared/sqs-batch.ts';

const rejection = { code: 'InvalidMessage', sentence: 'Actor: must be text' } as const;
const text = (StringValue: string) => ({ DataType: 'String', StringValue });

describe('deadLetterAttributes', () => {
  it('keeps the original attributes and adds the reason', () => {
    const bytes = { DataType: 'Binary', BinaryValue: new Uint8Array([1, 2]) };
    assert.deepEqual(
      deadLetterAttributes({ trace: text('a'), blob: { ...bytes, StringListValues: [] } }, rejection, 7_000),
      {
        trace: text('a'),
        blob: bytes,
        FirstSentTimestamp: text('7'),
        RejectReason: text('InvalidMessage: Actor: must be text'),
      },
    );
  });

  it('never has more than ten, the reason always among them', () => {
    const original = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`a${index}`, text('x')]));
    const attributes = deadLetterAttributes(original, rejection, 7_000);
    assert.equal(Object.keys(attributes).length, 10);
    assert.ok(attributes.RejectReason);
  });

  it('replaces the reason of an earlier rejection', () => {
    const { RejectReason, ...others } = deadLetterAttributes(
      { RejectReason: text('old'), a: text('x') },
      rejection,
      7_000,
    );
    assert.equal(RejectReason?.StringValue, 'InvalidMessage: Actor: must be text');
    assert.deepEqual(others, { a: text('x'), FirstSentTimestamp: text('7') });
  });
});

describe('rejectReason', () => {
  it('holds at most 1,000 characters, and only those SQS takes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 0, max: 1_100 }), (text, position) => {
        const sentence = `\uD800\uFFFF\u0000${'x'.repeat(position)}${text}`;
        const reason = rejectReason({ ...rejection, sentence });
        assert.ok(reason.length <= 1_000);
        assert.ok(reason.isWellFormed());
        assert.match(reason, /^InvalidMessage: \uFFFD{3}[\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]*$/u);
      }),
    );
  });
});

describe('the reason of a body with characters beyond the BMP', () => {
  it('quotes them whole, wherever it is cut', () => {
    for (const lead of ['', 'x']) {
      const sentence = lead + '🎉'.repeat(600);
      const reason = rejectReason({ ...rejection, sentence });
      assert.match(reason, /^InvalidMessage: x?🎉+\uFFFD?$/u);
      assert.ok(reason.length >= 999);
    }
  });
});

describe('failuresOf', () => {
  it('matches failures to items and tells final ones from those worth another try', () => {
    const failures = failuresOf(['a', 'b', 'c', 'd', 'e'], {
      Successful: [{ Id: '0' }],
      Failed: [
        { Id: '1', Code: 'ReceiptHandleIsInvalid', SenderFault: true },
        { Id: '2', Code: 'InternalError', SenderFault: false },
        { Id: '3', Code: 'RequestThrottled', SenderFault: true },
      ],
    });
    assert.deepEqual(Object.fromEntries(failures), {
      b: { code: 'ReceiptHandleIsInvalid', final: true },
      c: { code: 'InternalError', final: false },
      d: { code: 'RequestThrottled', final: false },
      e: { code: 'NotMentioned', final: false },
    });
  });
});
