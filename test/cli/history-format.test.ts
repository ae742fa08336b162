import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ENUM_PREFIXES, normaliseHistory, UnreadableHistoryError, workflowIdOf } from '../../cli/history-format.ts';
import { reflectedType, type ReflectedType } from '../../cli/history-payloads.ts';
import { DURATION_FIELD, TIME_FIELD, toHistory } from '../../cli/history-proto.ts';
import { refusalOf } from './support.ts';

/** As tctl wrote it before server 1.0 [temporalio/sdk-go: test/replaytests/workflow1.json, shortened]. */
const OLD_TCTL = {
  events: [
    {
      eventId: '1',
      timestamp: '1593300497763824460',
      eventType: 'WorkflowExecutionStarted',
      version: '-24',
      workflowExecutionStartedEventAttributes: {
        workflowType: { name: 'socialEvent' },
        taskQueue: { name: 'social-events', kind: 'Normal' },
        input: { payloads: [{ metadata: { encoding: 'anNvbi9wbGFpbg==' }, data: 'IldvcmtmbG93MSI=' }] },
        workflowRunTimeoutSeconds: 315360000,
        workflowTaskTimeoutSeconds: 10,
        initiator: 'Workflow',
        retryPolicy: { initialIntervalInSeconds: 1 },
        header: { fields: { kind: { data: 'IkFiQyI=' }, my_key: { data: 'IkFiQyI=' } } },
      },
    },
    {
      eventId: '2',
      timestamp: '1593300497764016736',
      eventType: 'WorkflowTaskFailed',
      workflowTaskFailedEventAttributes: {
        cause: 'NonDeterministicError',
        failure: { message: 'Plain', activityFailureInfo: { retryState: 'MaximumAttemptsReached' } },
      },
    },
  ],
};

describe('a history file', () => {
  it('of the oldest tctl becomes the present form', () => {
    const history = normaliseHistory(OLD_TCTL);
    const [started, failed] = history.events;
    assert.equal(started?.['eventType'], 'EVENT_TYPE_WORKFLOW_EXECUTION_STARTED');
    assert.equal(started['eventTime'], '2020-06-27T23:28:17.763824460Z');
    const attributes = Object(started['workflowExecutionStartedEventAttributes']);
    assert.equal(attributes.workflowTaskTimeout, '10s');
    assert.equal(attributes.retryPolicy.initialInterval, '1s');
    assert.equal(attributes.initiator, 'CONTINUE_AS_NEW_INITIATOR_WORKFLOW');
    assert.deepEqual(attributes.taskQueue, { name: 'social-events', kind: 'TASK_QUEUE_KIND_NORMAL' });
    assert.deepEqual(Object.keys(attributes.header.fields), ['kind', 'my_key']);
    const failure = Object(failed?.['workflowTaskFailedEventAttributes']);
    assert.equal(failure.cause, 'WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR');
    assert.equal(failure.failure.activityFailureInfo.retryState, 'RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED');
    assert.equal(failure.failure.message, 'Plain');

    const { events } = toHistory(history);
    assert.equal(Number(events?.[0]?.eventTime?.seconds), 1_593_300_497);
    assert.equal(events?.[0]?.eventTime?.nanos, 763_824_460);
    assert.equal(Number(events?.[0]?.workflowExecutionStartedEventAttributes?.workflowTaskTimeout?.seconds), 10);
    assert.equal(events?.[1]?.workflowTaskFailedEventAttributes?.cause, 24);
  });

  it('reads the same with proto field names, as a bare list and inside of a response', () => {
    const snake = {
      events: [
        {
          event_id: '1',
          event_time: '2026-01-31T12:00:00.5Z',
          event_type: 'EVENT_TYPE_WORKFLOW_EXECUTION_STARTED',
          workflow_execution_started_event_attributes: {
            workflow_id: 'follow/a/b',
            workflow_type: { name: 'socialEvent' },
            first_workflow_task_backoff: '1.5s',
          },
        },
      ],
    };
    const normalised = normaliseHistory(snake);
    assert.deepEqual(normaliseHistory(snake.events), normalised);
    assert.deepEqual(normaliseHistory({ history: snake, nextPageToken: null }), normalised);
    assert.equal(workflowIdOf(normalised), 'follow/a/b');
    const [event] = toHistory(normalised).events ?? [];
    assert.equal(event?.workflowExecutionStartedEventAttributes?.workflowType?.name, 'socialEvent');
    assert.equal(event?.workflowExecutionStartedEventAttributes?.firstWorkflowTaskBackoff?.nanos, 500_000_000);
  });

  it('that holds no events, or unknown ones, is refused', () => {
    for (const json of [null, 1, {}, { events: [] }, [], { events: [1] }, [{ eventType: 'X' }], { events: 'x' }]) {
      assert.throws(() => normaliseHistory(json), UnreadableHistoryError, JSON.stringify(json));
    }
    const unknown = normaliseHistory([{ eventType: 'EVENT_TYPE_FROM_THE_FUTURE', futureEventAttributes: {} }]);
    assert.throws(() => toHistory(unknown), /event 1 is of the unknown type EVENT_TYPE_FROM_THE_FUTURE/);
    const started = { eventType: 'WorkflowExecutionStarted', workflowExecutionStartedEventAttributes: {} };
    assert.throws(() => toHistory(normaliseHistory([{ ...started, eventTime: 'noon' }])), UnreadableHistoryError);
  });

  it('of any kind of event is covered: every enum, time and duration that Temporal 1.24 knows', () => {
    const enums = new Set<string>();
    for (const { field, type, isEnum } of fieldsOfHistory()) {
      if (isEnum) enums.add(field);
      // Only what is text in JSON is converted, so all else may be called as it likes.
      if (type !== 'string' && !type.startsWith('.google.')) continue;
      assert.equal(TIME_FIELD.test(field), type === '.google.protobuf.Timestamp', field);
      assert.equal(DURATION_FIELD.test(field), type === '.google.protobuf.Duration', field);
    }
    // Newer than tctl, so never in its form; and `cause`, which differs between events.
    const newer = [
      'behavior',
      'cause',
      'continueAsNewInitialVersioningBehavior',
      'initialVersioningBehavior',
      'retryBehavior',
      'suggestContinueAsNewReasons',
    ];
    assert.deepEqual([...enums].toSorted(), [...Object.keys(ENUM_PREFIXES), ...newer].toSorted());
  });
});

const HISTORY = path.join(import.meta.dirname, '../histories/applied.json');

describe('what is saved as a history', () => {
  const raw = readFileSync(HISTORY, 'utf8');
  const json = Object(JSON.parse(raw));
  const { events } = json;

  it('is taken with a byte order mark, any line ends, white space around it, and in UTF-16', () => {
    const crlf = raw.replaceAll('\n', '\r\n');
    for (const text of [`\uFEFF${raw}`, crlf, `\uFEFF${crlf}`, `\n\n${raw}\n\n`, JSON.stringify(json)]) {
      assert.equal(refusalOf(text), '');
    }
    assert.equal(refusalOf(Buffer.from(`\uFEFF${crlf}`, 'utf16le')), '');
    assert.equal(refusalOf({ history: json, nextPageToken: null }), '');
    assert.equal(refusalOf({ events: events.slice(0, 3) }), '', 'an open workflow may have come no farther');
  });

  const lines = events.map((event: unknown) => JSON.stringify(event)).join('\n');
  const cases: readonly (readonly [what: string, content: unknown, message: RegExp])[] = [
    ['nothing', '', /^it is empty; save it by: temporal workflow show/],
    ['white space', ' \r\n', /^it is empty/],
    ['a page', '<!doctype html><html></html>', /^it is an HTML page, such as a sign-in page/],
    ['the table of the CLI', 'Progress:\n  ID  Time  Type', /^it is not JSON; save it by/],
    ['a part of the file', raw.slice(0, raw.length / 2), /^it was cut off in the middle; save it by/],
    ['broken JSON', `${raw.slice(0, 500)}}}}`, /^its JSON is broken/],
    ['one event a line', lines, /^it holds more than one JSON document/],
    ['several histories', [json, json], /^it holds several histories: save each in a file of its own/],
    ['several answers', [{ history: json }], /^it holds several histories/],
    ['a first page', { history: json, nextPageToken: 'AAAA' }, /^it holds only the first page/],
    ['no events', { events: [] }, /^the history has no events/],
    ['an empty list', [], /^the history has no events/],
    ['an answer without a history', { error: 'denied' }, /^not a history: there is no list of events/],
    ['a history without its beginning', events.slice(2), /^it is not whole: where event 1 should be, it has 3/],
    ['a history with a gap', events.toSpliced(3, 1), /^it is not whole: where event 4 should be, it has 5/],
    ['a history from its end', events.toReversed(), /^it is not whole/],
    ['packed bytes', Buffer.from([0x1f, 0x8b, 8, 0]), /^it is compressed: unpack it first/],
    ['other bytes', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff]), /^it is no text/],
  ];
  for (const [what, content, message] of cases) {
    it(`is refused with one sentence that names it: ${what}`, () => {
      const refusal = refusalOf(content);
      assert.match(refusal, message);
      assert.ok(!refusal.includes('\n'));
    });
  }
});

interface ReflectedField {
  readonly field: string;
  readonly type: string;
  readonly isEnum: boolean;
}

/** Every field below a history, by reflection. */
function fieldsOfHistory(): ReflectedField[] {
  const seen = new Set<string>();
  const fields: ReflectedField[] = [];
  const walk = (type: ReflectedType): void => {
    if (seen.has(type.fullName)) return;
    seen.add(type.fullName);
    for (const each of type.fieldsArray ?? []) {
      const resolved = each.resolve().resolvedType;
      const isEnum = resolved?.values !== undefined;
      fields.push({ field: each.name, type: resolved?.fullName ?? each.type, isEnum });
      if (resolved && !isEnum && !resolved.fullName.startsWith('.google.')) walk(resolved);
    }
  };
  walk(reflectedType('temporal.api.history.v1.History'));
  return fields;
}
