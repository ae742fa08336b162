import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { isGrpcServiceError, type Client } from '@temporalio/client';
import { EventNotFoundError } from '../client/event-errors.ts';
import { toHistory, type History } from './history-proto.ts';
import { parseHistoryFile } from './history-file.ts';
import { UnreadableHistoryError, workflowIdOf } from './history-format.ts';

/** Code of gRPC [grpc.io: status codes]. */
const NOT_FOUND = 5;

/** A history with the name it is reported under. */
export interface NamedHistory {
  readonly workflowId: string;
  /** File it was read from. */
  readonly file?: string;
  readonly history: History;
}

/** @throws UnreadableHistoryError naming the file */
export async function readHistoryFile(file: string): Promise<NamedHistory> {
  try {
    const normalised = parseHistoryFile(await readFile(file));
    const workflowId = workflowIdOf(normalised) ?? path.basename(file, '.json');
    return { workflowId, file, history: toHistory(normalised) };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UnreadableHistoryError(`${file}: ${reason}`, { cause });
  }
}

/** @throws EventNotFoundError */
export async function fetchHistory(client: Client, workflowId: string): Promise<NamedHistory> {
  try {
    return { workflowId, history: await client.workflow.getHandle(workflowId).fetchHistory() };
  } catch (cause) {
    if (isNotFound(cause)) throw new EventNotFoundError(workflowId, { cause });
    throw cause;
  }
}

/** Histories of the runs a visibility query finds, `last` at most: open ones first, then the latest closed. */
export async function* queriedHistories(client: Client, query: string, last: number): AsyncIterable<NamedHistory> {
  let count = 0;
  const listing = client.workflow.list({ query, pageSize: Math.min(last, 1_000) });
  for await (const { workflowId, runId } of listing) {
    try {
      yield { workflowId, history: await client.workflow.getHandle(workflowId, runId).fetchHistory() };
    } catch (error) {
      // Its retention ended between the listing and now.
      if (!isNotFound(error)) throw error;
    }
    count++;
    if (count >= last) return;
  }
}

/** SDK 1.24 lets the bare gRPC error through here. */
function isNotFound(error: unknown): boolean {
  const code: number | undefined = isGrpcServiceError(error) ? error.code : undefined;
  return code === NOT_FOUND;
}
