import assert from 'node:assert/strict';
import { chosenQueues, matches, originalAttributes, reasonOf, type DeadLetter } from '../../cli/dead-letter.ts';
import { normaliseHistory } from '../../cli/history-format.ts';
import { toHistory } from '../../cli/history-proto.ts';
import { Output } from '../../cli/output.ts';
import { divergingEvent, reasonIn } from '../../cli/replay-message.ts';
import { formatTable, shortened } from '../../cli/table.ts';

describe('the output', () => {
  const capture = (json: boolean) => {
    const texts = { stdout: '', stderr: '' };
    const output = new Output({
      json,
      stdout: { write: (text) => (texts.stdout += text) },
      stderr: { write: (text) => (texts.stderr += text) },
    });
    return { output, texts };
  };

  it('is one JSON document on stdout where that is asked for, and remarks stay on stderr', () => {
    const { output, texts } = capture(true);
    output.note('by the way');
    output.progress('1 of 2');
    output.result([{ a: 1 }], () => ['never']);
    assert.deepEqual(JSON.parse(texts.stdout), [{ a: 1 }]);
    assert.equal(texts.stderr, 'by the way\n1 of 2\n');
  });

  it('lets no text from a message steer the terminal', () => {
    const { output, texts } = capture(false);
    output.result('\u001B[2J\u202Eevil\r\nnext\tcolumn', (text) => [text]);
    assert.equal(texts.stdout, '\uFFFD[2J\uFFFDevil\uFFFD\nnext\tcolumn\n');
  });

  it('has tables with columns as wide as their cells, and cuts what is long', () => {
    assert.deepEqual(formatTable(['A', 'LONG'], [['wide', 'x']]), ['A     LONG', 'wide  x']);
    assert.equal(shortened('one\n two three', 8), 'one two…');
  });
});

describe('a dead letter', () => {
  const letter: DeadLetter = {
    messageId: 'm1',
    queue: 'q',
    body: '{}',
    attributes: {
      RejectReason: { DataType: 'String', StringValue: 'InvalidJson: broken' },
      trace: { DataType: 'String', StringValue: 't', StringListValues: [] },
    },
    sentAt: new Date(0),
    receiveCount: 1,
  };

  it('matches by the words of its reason and by its id', () => {
    assert.equal(matches(letter, { messageIds: [] }), true);
    assert.equal(matches(letter, { messageIds: [], reason: /^InvalidJson/ }), true);
    assert.equal(matches(letter, { messageIds: [], reason: /TooDeep/ }), false);
    assert.equal(matches(letter, { messageIds: ['m2'] }), false);
    assert.equal(matches(letter, { messageIds: ['m2', 'm1'], reason: /broken/ }), true);
    assert.match(reasonOf({ ...letter, attributes: {} }), /moved by SQS/);
  });

  it('gets back the attributes it had before it was rejected', () => {
    assert.deepEqual(originalAttributes(letter), {
      trace: { DataType: 'String', StringValue: 't' },
      FirstSentTimestamp: { DataType: 'String', StringValue: '0' },
    });
  });

  it('is looked for in the queue an operator means', () => {
    const queues = [
      { topic: 'activities', queue: 'posts' },
      { topic: 'mentions', queue: 'comments.fifo' },
    ];
    assert.deepEqual(chosenQueues(queues, undefined), ['posts', 'comments.fifo']);
    for (const choice of ['mentions', 'comments.fifo', 'comments-dlq.fifo']) {
      assert.deepEqual(chosenQueues(queues, choice), ['comments.fifo']);
    }
    assert.deepEqual(chosenQueues(queues, 'other-dlq'), ['other']);
    assert.deepEqual(chosenQueues(queues, 'other'), ['other']);
  });
});

describe('the words of a divergence', () => {
  it('tell the event, by its id or by the marker of a local activity or a patch', () => {
    const named = 'No command scheduled for event HistoryEvent(id: 11, TimerStarted)';
    assert.equal(divergingEvent(named, {}), 11);
    const marker = (eventId: string, detail: string, content: object) => ({
      eventId,
      eventType: 'MarkerRecorded',
      markerRecordedEventAttributes: {
        details: { [detail]: { payloads: [{ data: Buffer.from(JSON.stringify(content)).toString('base64') }] } },
      },
    });
    const local = [1, 2].map((seq) => marker(String(4 * seq + 1), 'data', { seq }));
    const history = toHistory(normaliseHistory([...local, marker('11', 'patch-data', { id: 'note-signals' })]));
    assert.equal(divergingEvent('Missing associated machine for LocalActivity(2)', history), 9);
    assert.equal(divergingEvent('LocalActivity(3)', history), undefined);
    const patch = 'Non-deprecated patch marker encountered for change note-signals, but there is no change command!';
    assert.equal(divergingEvent(patch, history), 11);
    assert.equal(divergingEvent('something else', history), undefined);
  });

  it('are taken out of their wrapping', () => {
    const wrapped = 'Details: Failure { failure: Some(Failure { message: "[TMPRL1100] a \\"b\\"", source: "" }) }';
    assert.equal(reasonIn(wrapped), '[TMPRL1100] a "b"');
    assert.equal(reasonIn('plain'), 'plain');
  });
});
