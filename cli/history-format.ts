/**
 * Histories as files bring them, made into one form, the present proto3 JSON. Known forms:
 *
 * - `temporal workflow show --output json`, and histories saved by the Web UI: proto3 JSON as it is, in newer versions
 *   `EVENT_TYPE_WORKFLOW_EXECUTION_STARTED`;
 * - `tctl workflow show --output_filename`: the same with enum values as gogo/protobuf wrote them,
 *   `WorkflowExecutionStarted` [temporalio/sdk-go: test/replaytests/local-activity.json];
 * - tctl before server 1.0: besides, `timestamp` in nanoseconds and time-outs as whole `...Seconds`
 *   [temporalio/sdk-go: test/replaytests/workflow1.json];
 * - any of them with proto field names (`event_id`), as a bare list of events, or inside of `history`.
 *
 * Payloads are left as they are; `history-payloads.ts` refuses those that were decoded for reading.
 */

/** A file that holds no history. */
export class UnreadableHistoryError extends Error {
  override readonly name = 'UnreadableHistoryError';
}

export type JsonObject = Readonly<Record<string, unknown>>;

export interface NormalisedHistory {
  readonly events: readonly JsonObject[];
}

/** Fields of enum types below a history event, and how the names of their values begin. */
export const ENUM_PREFIXES: Readonly<Record<string, string>> = {
  eventType: 'EVENT_TYPE',
  kind: 'TASK_QUEUE_KIND',
  initiator: 'CONTINUE_AS_NEW_INITIATOR',
  category: 'APPLICATION_ERROR_CATEGORY',
  timeoutType: 'TIMEOUT_TYPE',
  retryState: 'RETRY_STATE',
  parentClosePolicy: 'PARENT_CLOSE_POLICY',
  workflowIdReusePolicy: 'WORKFLOW_ID_REUSE_POLICY',
  versioningBehavior: 'VERSIONING_BEHAVIOR',
  origin: 'UPDATE_ADMITTED_EVENT_ORIGIN',
};

/** `cause` is of another type in each kind of event. */
const CAUSE_PREFIXES: Readonly<Record<string, string>> = {
  workflowTaskFailedEventAttributes: 'WORKFLOW_TASK_FAILED_CAUSE',
  requestCancelExternalWorkflowExecutionFailedEventAttributes: 'CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE',
  startChildWorkflowExecutionFailedEventAttributes: 'START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE',
  signalExternalWorkflowExecutionFailedEventAttributes: 'SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE',
};

/** Maps from names that users chose; their keys are left as they are. */
const MAPS = new Set(['fields', 'indexedFields', 'details']);
/** Maps to plain text, with nothing of ours in them. */
const OPAQUE = new Set(['metadata', 'nexusHeader']);

const CAMEL_CASE = /^[A-Z][a-z][A-Za-z0-9]*$/u;
const NANOSECONDS_PER_SECOND = 1_000_000_000n;

/** @throws UnreadableHistoryError when there are no events in it */
export function normaliseHistory(json: unknown): NormalisedHistory {
  const outer = isObject(json) && isObject(json['history']) ? json['history'] : json;
  const events: unknown = isObject(outer) ? outer['events'] : outer;
  if (!Array.isArray(events)) throw new UnreadableHistoryError('not a history: there is no list of events');
  if (events.length === 0) throw new UnreadableHistoryError('the history has no events');
  return { events: events.map((event: unknown, index) => normaliseEvent(event, index)) };
}

/** Id of the workflow where the history itself tells it; servers before 1.24 did not write it. */
export function workflowIdOf({ events }: NormalisedHistory): string | undefined {
  const attributes = events[0]?.['workflowExecutionStartedEventAttributes'];
  const id = isObject(attributes) ? attributes['workflowId'] : undefined;
  return typeof id === 'string' ? id : undefined;
}

function normaliseEvent(event: unknown, index: number): JsonObject {
  const fixed = isObject(event) ? normaliseObject(event, ENUM_PREFIXES) : {};
  const attributes = Object.keys(fixed).filter((key) => key.endsWith('EventAttributes'));
  if (typeof fixed['eventType'] !== 'string' || attributes.length !== 1) {
    throw new UnreadableHistoryError(`entry ${index + 1} of the history is not an event with its type and attributes`);
  }
  const { timestamp, ...rest } = fixed;
  return typeof timestamp === 'string' && /^\d+$/u.test(timestamp)
    ? { ...rest, eventTime: fromNanoseconds(BigInt(timestamp)) }
    : fixed;
}

function normaliseObject(object: JsonObject, prefixes: Readonly<Record<string, string>>): JsonObject {
  const entries = Object.entries(object).map(([key, value]) => normaliseField(toCamelCase(key), value, prefixes));
  return Object.fromEntries(entries);
}

function normaliseField(
  key: string,
  value: unknown,
  prefixes: Readonly<Record<string, string>>,
): readonly [key: string, value: unknown] {
  if (OPAQUE.has(key)) return [key, value];
  if (MAPS.has(key) && isObject(value)) {
    return [
      key,
      Object.fromEntries(Object.entries(value).map(([name, each]) => [name, normaliseValue(each, prefixes)])),
    ];
  }
  const seconds = /^(.+?)(?:In)?Seconds$/u.exec(key);
  if (seconds?.[1] !== undefined && typeof value === 'number') return [seconds[1], `${value}s`];
  const cause = CAUSE_PREFIXES[key];
  if (cause !== undefined) return [key, normaliseValue(value, { ...prefixes, cause })];
  const prefix = prefixes[key];
  if (prefix !== undefined && typeof value === 'string') return [key, toEnumName(value, prefix)];
  return [key, normaliseValue(value, prefixes)];
}

function normaliseValue(value: unknown, prefixes: Readonly<Record<string, string>>): unknown {
  if (Array.isArray(value)) return value.map((each: unknown) => normaliseValue(each, prefixes));
  return isObject(value) ? normaliseObject(value, prefixes) : value;
}

/** `WorkflowExecutionStarted` becomes `EVENT_TYPE_WORKFLOW_EXECUTION_STARTED`; names in the newer form stay. */
function toEnumName(value: string, prefix: string): string {
  if (!CAMEL_CASE.test(value)) return value;
  return `${prefix}_${value.replace(/(?<=[a-z0-9])(?=[A-Z])/gu, '_').toUpperCase()}`;
}

function toCamelCase(key: string): string {
  return key.replace(/(?<=[a-z0-9])_([a-z0-9])/gu, (_, letter: string) => letter.toUpperCase());
}

function fromNanoseconds(nanoseconds: bigint): string {
  const seconds = new Date(Number(nanoseconds / NANOSECONDS_PER_SECOND) * 1_000)
    .toISOString()
    .slice(0, -'.000Z'.length);
  return `${seconds}.${String(nanoseconds % NANOSECONDS_PER_SECOND).padStart(9, '0')}Z`;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
