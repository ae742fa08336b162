import assert from 'node:assert/strict';
import proto from '@temporalio/proto';
import { ENUM_PREFIXES, normaliseHistory, UnreadableHistoryError, workflowIdOf } from '../../cli/history-format.ts';
import { DURATION_FIELD, TIME_FIELD, toHistory } from '../../cli/history-proto.ts';

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

interface ReflectedField {
  readonly field: string;
  readonly type: string;
  readonly isEnum: boolean;
}

/** Every field below a history, by reflection. */
function fieldsOfHistory(): ReflectedField[] {
  const seen = new Set<string>();
  const fields: ReflectedField[] = [];
  const walk = (type: Reflected): void => {
    if (seen.has(type.fullName)) return;
    seen.add(type.fullName);
    for (const each of type.fieldsArray ?? []) {
      const resolved = each.resolve().resolvedType;
      const isEnum = resolved?.values !== undefined;
      fields.push({ field: each.name, type: resolved?.fullName ?? each.type, isEnum });
      if (resolved && !isEnum && !resolved.fullName.startsWith('.google.')) walk(resolved);
    }
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the root has reflection, its types do not say so
  walk((proto as unknown as { lookupType(name: string): Reflected }).lookupType('temporal.api.history.v1.History'));
  return fields;
}

interface Reflected {
  readonly fullName: string;
  readonly values?: object;
  readonly fieldsArray?: readonly {
    readonly name: string;
    readonly type: string;
    resolve(): { readonly resolvedType?: Reflected | null };
  }[];
}
