/**
 * One edge toggled without a pause, on Temporal's own limits: no run may be ended by the server, and the last toggle must
 * stand. Prints how many runs it took, their statuses, the longest history, and the pace.
 *
 * Usage: `node bench/hot-edge.ts [--toggles 100000] [--at-once 20]`
 */
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { connect } from 'getstream';
import { createTemporalStarter } from '../bridge/start-event.ts';
import { eventWorkflowId, type SocialEventWorkflow } from '../contracts/events/event-workflow.ts';
import { parseMessage } from '../contracts/events/parse-message.ts';
import { reactionIdOf } from '../contracts/events/reaction-id.ts';
import { activityId } from '../contracts/events/stream-activity-id.ts';
import { startStack } from '../local/stack.ts';

const { values } = parseArgs({
  options: { toggles: { type: 'string', default: '100000' }, 'at-once': { type: 'string', default: '20' } },
});
const [toggles, atOnce] = [Number(values.toggles), Number(values['at-once'])];
if (!Number.isInteger(toggles) || toggles < 2) throw new Error('--toggles must be a whole number of at least 2');
if (!Number.isInteger(atOnce) || atOnce < 1) throw new Error('--at-once must be a whole number of at least 1');

const noAbort = new AbortController().signal;
const post = activityId('Post:bench-1', 0);
const stack = await startStack({
  gateway: false,
  rateLimits: false,
  workerEnv: { LOG_LEVEL: 'warn', EVENT_PARENT_WAIT_MS: '0' },
});
const connection = await Connection.connect({ address: stack.endpoints.temporal });
const client = new Client({ connection, namespace: stack.endpoints.namespace });
try {
  const starter = createTemporalStarter({ client, eagerStart: false, policy: { parentWaitMs: 0 } });
  const data3 = randomUUID();
  const toggle = (at: number) =>
    parseMessage('reaction', { ActivityID: post, Kind: at % 2 ? 'Like' : 'Unlike', Data3: data3, UserID: 'bench' }, at);
  const workflowId = eventWorkflowId(toggle(1));
  const outcomes: Record<string, number> = {};
  const begun = performance.now();
  let next = 1;
  const send = async (): Promise<void> => {
    for (let at = next++; at <= toggles; at = next++) {
      const outcome = await starter.start(toggle(at), noAbort);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, send));
  const seconds = (performance.now() - begun) / 1000;
  await client.workflow.getHandle<SocialEventWorkflow>(workflowId).result();

  const statuses: Record<string, number> = {};
  let longest = 0;
  for await (const { runId, status } of client.workflow.list({ query: `WorkflowId = '${workflowId}'` })) {
    statuses[status.name] = (statuses[status.name] ?? 0) + 1;
    longest = Math.max(longest, (await client.workflow.getHandle(workflowId, runId).describe()).historyLength);
  }
  const { register } = await client.workflow.getHandle<SocialEventWorkflow>(workflowId).result();
  const stands = await standing(reactionIdOf(data3));
  const expected = toggles % 2 === 1;
  print(`${toggles} toggles in ${seconds.toFixed(0)} s, ${(toggles / seconds).toFixed(0)}/s; ${list(outcomes)}`);
  print(`runs: ${list(statuses)}; longest history ${longest} events`);
  print(`decided by toggle ${register?.eventTimeMicros}; stands on GetStream: ${stands}, expected ${expected}`);
  const isRight = stands === expected && register?.eventTimeMicros === toggles;
  const wasEnded = Object.keys(statuses).some((status) => status !== 'CONTINUED_AS_NEW' && status !== 'COMPLETED');
  if (!isRight || wasEnded) process.exitCode = 1;
} finally {
  await connection.close();
  await stack.stop();
}

async function standing(reactionId: string): Promise<boolean> {
  const { apiKey, apiSecret, appId, url } = stack.endpoints.stream;
  const stream = connect(apiKey, apiSecret, appId, { urlOverride: { api: `${url}/api/` } });
  return stream.reactions.get(reactionId).then(
    () => true,
    () => false,
  );
}

function list(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
