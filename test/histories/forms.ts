import { TASK_QUEUES } from '../../contracts/shared/names.ts';

const ENUM_VALUE =
  /^(EVENT_TYPE|TASK_QUEUE_KIND|CONTINUE_AS_NEW_INITIATOR|TIMEOUT_TYPE|RETRY_STATE|PARENT_CLOSE_POLICY|WORKFLOW_TASK_FAILED_CAUSE|APPLICATION_ERROR_CATEGORY|VERSIONING_BEHAVIOR)_([A-Z_]+)$/u;

/** A history without what tells of the machine it was recorded on, none of which a replay looks at. */
export function cleaned(history: unknown, taskQueue: string): unknown {
  return mapFields(history, (key, value) => {
    if (key === 'stackTrace') return '';
    if (key === 'identity') return 'recorder';
    if (key !== 'taskQueue') return value;
    const isSticky = Reflect.get(Object(value), 'kind') === 'TASK_QUEUE_KIND_STICKY';
    // Where gateways hear of ends has one name everywhere.
    if (Reflect.get(Object(value), 'name') === TASK_QUEUES.streamWatchers) return value;
    return {
      ...Object(value),
      name: isSticky ? 'sticky' : taskQueue,
      ...(isSticky ? { normalName: taskQueue } : {}),
    };
  });
}

/**
 * As `tctl workflow show --output_filename` wrote it: enum values in camel case without their prefix
 * [temporalio/sdk-go: test/replaytests/local-activity.json, written by tctl].
 */
export function toTctlForm(history: unknown): unknown {
  return mapFields(history, (_key, value) => {
    const [, , name] = (typeof value === 'string' ? ENUM_VALUE.exec(value) : undefined) ?? [];
    if (name === undefined) return value;
    return name
      .split('_')
      .map((word) => word.slice(0, 1) + word.slice(1).toLowerCase())
      .join('');
  });
}

function mapFields(value: unknown, change: (key: string, value: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((each: unknown) => mapFields(each, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, mapFields(change(key, each), change)]));
}
