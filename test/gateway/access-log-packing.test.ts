import fc from 'fast-check';
import assert from 'node:assert/strict';
import { ACCESS_COLUMNS, type AccessRecord } from '../../contracts/sessions/access-record.ts';
import { toAccessLine } from '../../access-log/access-line.ts';
import { partitionRows } from '../../access-log/access-rows.ts';
import { Gatherer } from '../../access-log/gatherer.ts';
import { halve, lineBytes, packLines } from '../../access-log/message-packer.ts';
import { MessageQueue } from '../../access-log/message-queue.ts';
import { MAX_MESSAGE_BYTES } from '../../access-log/outbox.ts';
import { accessRecord } from './support/lake.ts';

/** What SQS takes in a body, pairs left out as some endpoints refuse them. */
const ACCEPTED = /^[\t\n\r\u0020-\uD7FF\uE000-\uFFFD]*$/;

const parsed = (line: string): unknown => JSON.parse(line);
const withText = (text: string) =>
  accessRecord(
    Object.fromEntries(
      ACCESS_COLUMNS.filter(({ field, type }) => type === 'string' && field !== 'at').map(({ field }) => [field, text]),
    ),
  );

describe('a line of the access log', () => {
  it('consists of characters SQS takes and gives every well-formed text back as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const line = toAccessLine(accessRecord({ userAgent: text }));
        assert.match(line, ACCEPTED);
        assert.ok(!/[\n\r]/.test(line), 'one line');
        assert.equal(Object(parsed(line)).user_agent, text);
      }),
    );
  });

  it('keeps U+FFFE, U+FFFF, control characters and emoji; unpaired surrogates become U+FFFD', () => {
    const line = toAccessLine(
      accessRecord({ userAgent: 'a\uFFFE\uFFFF\0\u001F🎬', deviceId: 'tv\uD83C', userId: '\uDFACx' }),
    );
    assert.match(line, ACCEPTED);
    const row = Object(parsed(line));
    assert.deepEqual([row.user_agent, row.device_id, row.user_id], ['a\uFFFE\uFFFF\0\u001F🎬', 'tv\uFFFD', '\uFFFDx']);
  });

  it('cuts texts to 512 characters, pairs kept whole, so that any record fits a message', () => {
    const row = Object(parsed(toAccessLine(accessRecord({ userAgent: `${'x'.repeat(510)}🎬🎬` }))));
    assert.equal(row.user_agent, `${'x'.repeat(510)}…`);
    for (const unit of ['\0', '🎬', '\uFFFF', '\uD800', '€', '"']) {
      const line = toAccessLine(withText(unit.repeat(100_000)));
      assert.ok(lineBytes(line) <= MAX_MESSAGE_BYTES, `${lineBytes(line)} bytes`);
      assert.equal(partitionRows(line).size, 1);
    }
  });

  it('leaves out what is not a finite number, and rounds what must be whole', () => {
    const row = Object(parsed(toAccessLine(accessRecord({ durationMs: Number.NaN, bytes: Infinity, status: 200.4 }))));
    assert.deepEqual([row.duration_ms, row.bytes, row.status], [undefined, undefined, 200]);
  });

  it('holds only the columns of an access record', () => {
    const record: AccessRecord & { authorization: string } = { ...accessRecord(), authorization: 'Bearer secret' };
    assert.ok(!toAccessLine(record).includes('secret'));
  });
});

describe('packing', () => {
  const line = fc.string({ unit: 'grapheme', maxLength: 60 });

  it('puts each line into exactly one message, in order, within the limits', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 300 }), fc.integer({ min: 1, max: 40 }), (lines, maxLines) => {
        const messages = packLines(lines, { maxBytes: 2_000, maxLines });
        assert.deepEqual(
          messages.flatMap((message) => message.lines),
          lines,
        );
        for (const message of messages) {
          assert.ok(message.lines.length <= maxLines);
          assert.ok(message.bytes <= 2_000);
          assert.ok(Buffer.byteLength(message.lines.join('\n')) <= message.bytes);
        }
      }),
    );
  });

  it('takes batches within their limits until each message was settled once, whatever fails or is halved', () => {
    const outcome = fc.constantFrom('sent', 'failed', 'refused');
    fc.assert(
      fc.property(fc.array(line, { maxLength: 200 }), fc.array(outcome, { maxLength: 60 }), (lines, outcomes) => {
        const queue = new MessageQueue();
        for (const message of packLines(lines, { maxBytes: 1_000, maxLines: 10 })) queue.push(message);
        const limits = { maxMessages: 10, maxBytes: 3_000, maxLines: 25 };
        const settled: string[] = [];
        const left = [...outcomes];
        while (queue.waiting > 0) {
          const batch = queue.take(limits);
          assert.ok(batch.length <= 10);
          assert.ok(batch.reduce((sum, { bytes }) => sum + bytes, 0) <= 3_000);
          assert.ok(batch.reduce((sum, message) => sum + message.lines.length, 0) <= 25);
          for (const message of batch) {
            const result = left.pop() ?? 'sent';
            if (result === 'failed') queue.giveBack([message]);
            else if (result === 'refused' && message.lines.length > 1) queue.giveBack(halve(message));
            else {
              settled.push(...message.lines);
              queue.settle(message);
            }
          }
        }
        assert.deepEqual(settled.toSorted(), lines.toSorted());
        assert.deepEqual([queue.lines, queue.bytes], [0, 0]);
      }),
    );
  });
});

describe('gathering', () => {
  it('puts each row into exactly one object, the largest first, and forgets no bytes', () => {
    const message = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 40 }), (messages) => {
        const gatherer = new Gatherer<number>({ maxObjectBytes: 4_000, maxAgeMs: 1_000 });
        const sent: string[] = [];
        const stored: string[] = [];
        const store = (nowMs: number, pressed: boolean) => {
          for (let next = gatherer.takeDue(nowMs, pressed); next; next = gatherer.takeDue(nowMs, pressed)) {
            assert.ok(pressed || next.bytes >= 4_000);
            stored.push(...next.parts.flatMap(({ lines }) => lines));
          }
        };
        for (const [index, hours] of messages.entries()) {
          const lines = hours.map((hour) => toAccessLine(accessRecord({ at: `2026-03-01T0${hour}:00:00.000Z` })));
          sent.push(...lines);
          gatherer.add(index, partitionRows(lines.join('\n')), 0);
          store(0, false);
        }
        assert.equal(gatherer.dueInMs(400), gatherer.bytes === 0 ? undefined : 600);
        store(0, true);
        assert.deepEqual(stored.toSorted(), sent.toSorted());
        assert.deepEqual([gatherer.bytes, gatherer.dueInMs(0)], [0, undefined]);
      }),
      { numRuns: 30 },
    );
  });

  it('lets an object go by age', () => {
    const gatherer = new Gatherer<string>({ maxObjectBytes: 4_000, maxAgeMs: 1_000 });
    gatherer.add('message', partitionRows(toAccessLine(accessRecord())), 500);
    assert.equal(gatherer.takeDue(1_499, false), undefined);
    assert.equal(gatherer.takeDue(1_500, false)?.parts.length, 1);
  });
});
