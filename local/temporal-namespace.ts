import { setTimeout as delay } from 'node:timers/promises';
import { Client, isGrpcServiceError, type Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { SEARCH_ATTRIBUTES } from '../contracts/shared/names.ts';

/** `temporal.api.enums.v1.IndexedValueType`. */
const INDEXED_VALUE_TYPES = { Keyword: 2, Int: 3 } as const satisfies Record<
  (typeof SEARCH_ATTRIBUTES)[keyof typeof SEARCH_ATTRIBUTES],
  number
>;

const GRPC_NOT_FOUND = 5;
const SECONDS_PER_DAY = 86_400;
const POLL_MS = 250;
/** A frontend learns of changes to a namespace within some seconds, when it refreshes its cache. */
const VISIBLE_TIMEOUT_MS = 60_000;

/** SQS keeps a message 14 days at most, and so does its dead-letter queue: 28 days, and two to spare. */
export const DEFAULT_RETENTION_DAYS = 30;

export interface NamespaceOptions {
  readonly namespace: string;
  /**
   * How long closed workflows are kept at least, days; default 30. Duplicates of an event are known for so long, so it
   * must exceed the retention of the queue and its dead-letter queue together. A longer one is left alone.
   */
  readonly retentionDays?: number;
}

/** What {@link ensureNamespace} and {@link ensureSearchAttributes} had to change; empty when all was well. */
export type NamespaceChanges = readonly string[];

/** Registers the namespace where it is missing and lengthens its retention where that is too short. */
export async function ensureNamespace(connection: Connection, options: NamespaceOptions): Promise<NamespaceChanges> {
  const { namespace, retentionDays = DEFAULT_RETENTION_DAYS } = options;
  const seconds = retentionDays * SECONDS_PER_DAY;
  const retention = msToTs(seconds * 1000);
  const present = await retentionSeconds(connection, namespace);
  if (present === undefined) {
    await connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: retention });
    await waitUntilQueryable(connection, namespace);
    return [`registered namespace ${namespace} with a retention of ${retentionDays} days`];
  }
  if (present >= seconds) return [];
  await connection.workflowService.updateNamespace({
    namespace,
    config: { workflowExecutionRetentionTtl: retention },
  });
  return [`lengthened the retention of namespace ${namespace} to ${retentionDays} days`];
}

/**
 * Registers the search attributes this project uses and waits until queries may name them.
 * @throws Error when one is registered with another type: only an operator can decide what to do about it
 */
export async function ensureSearchAttributes(connection: Connection, namespace: string): Promise<NamespaceChanges> {
  const present = await connection.operatorService.listSearchAttributes({ namespace });
  const missing: Record<string, number> = {};
  for (const [name, type] of Object.entries(SEARCH_ATTRIBUTES)) {
    const registered: number | undefined = present.customAttributes[name];
    if (registered === undefined) missing[name] = INDEXED_VALUE_TYPES[type];
    else if (registered !== INDEXED_VALUE_TYPES[type]) {
      throw new Error(`search attribute ${name} of namespace ${namespace} is registered, but not as ${type}`);
    }
  }
  const names = Object.keys(missing);
  if (names.length === 0) return [];
  await connection.operatorService.addSearchAttributes({ namespace, searchAttributes: missing });
  await waitUntilQueryable(connection, namespace, names);
  return [`registered search attributes ${names.join(', ')}`];
}

async function retentionSeconds(connection: Connection, namespace: string): Promise<number | undefined> {
  try {
    const { config } = await connection.workflowService.describeNamespace({ namespace });
    return Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0);
  } catch (error) {
    const code: number | undefined = isGrpcServiceError(error) ? error.code : undefined;
    if (code === GRPC_NOT_FOUND) return undefined;
    throw error;
  }
}

async function waitUntilQueryable(connection: Connection, namespace: string, attributes: string[] = []): Promise<void> {
  const client = new Client({ connection, namespace });
  const query = attributes.map((name) => `${name} IS NOT NULL`).join(' OR ');
  const deadline = Date.now() + VISIBLE_TIMEOUT_MS;
  for (;;) {
    try {
      await client.workflow.count(query);
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(POLL_MS);
    }
  }
}
