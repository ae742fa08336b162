import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { inspect, promisify } from 'node:util';
import type { SocialEvent } from '../../contracts/events/social-event.ts';
import { eventWorkflowId } from '../../contracts/events/event-workflow.ts';
import { temporalBinary } from '../support/temporal.ts';
import type { Schedule } from './schedule.ts';
import type { Stage } from './stage.ts';
import type { Watch } from './troubled-stream.ts';

/** `CONVERGENCE_KEEP=directory`: what a schedule that went wrong left: itself, its calls to GetStream, and the history of each run. */
export async function keep(
  directory: string,
  schedule: Schedule,
  stage: Stage,
  watches: ReadonlyMap<string, Watch>,
): Promise<void> {
  await mkdir(directory, { recursive: true });
  const show = (value: unknown): string => inspect(value, { depth: 12, maxArrayLength: null, breakLength: 160 });
  await writeFile(path.join(directory, 'schedule.txt'), show(schedule));
  const events: SocialEvent[] = [...schedule.edge.slice(0, 1), ...schedule.posts];
  for (const [index, workflowId] of events.map(eventWorkflowId).entries()) {
    const watch = watches.get(workflowId);
    await writeFile(
      path.join(directory, `calls-${index}.txt`),
      show(watch && { calls: watch.calls, writes: watch.writes }),
    );
    for await (const { runId } of stage.client.workflow.list({ query: `WorkflowId = '${workflowId}'` })) {
      const words = ['workflow', 'show', '--address', stage.address, '-w', workflowId, '-r', runId, '--output', 'json'];
      const { stdout } = await promisify(execFile)(await temporalBinary(), words, { maxBuffer: 64 * 1024 * 1024 });
      await writeFile(path.join(directory, `run-${index}-${runId}.json`), stdout);
    }
  }
}
