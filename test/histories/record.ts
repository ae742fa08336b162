/**
 * Records one history for each shape of workflow, as `temporal workflow show --output json` writes it, and some of them as
 * `tctl` did:
 *
 *     node test/histories/record.ts [<shape>...]
 *
 * What is checked in stays, as it stands for the workflows that are open while a new version is deployed: before shapes are
 * recorded anew for a change of the workflow code, the old ones move to a folder of their own, as `first-version`.
 */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { TASK_QUEUES } from '../../contracts/shared/names.ts';
import { eventWorkflowId } from '../../contracts/events/event-workflow.ts';
import { streamSessionsWorkflowId } from '../../contracts/sessions/stream-sessions.ts';
import { startEventWorker } from '../support/event-worker.ts';
import { FakeStream } from '../support/fake-stream.ts';
import { sharedTemporal, stopSharedTemporal, temporalBinary } from '../support/temporal.ts';
import { cleaned, toTctlForm } from './forms.ts';
import { SESSION_SHAPES, startSessionsStage } from './session-shapes.ts';
import { SHAPES, type Recorded } from './shapes.ts';

const AS_TCTL = ['parked-then-retried', 'compensation-failed-then-retried', 'edge-joined-while-retried'];

const { address } = await sharedTemporal();
const wanted = process.argv.slice(2);
const isWanted = (name: string): boolean => wanted.length === 0 || wanted.includes(name);
await mkdir(path.join(import.meta.dirname, 'tctl'), { recursive: true });
await recordEvents();
await recordSessions();
await stopSharedTemporal();

async function recordEvents(): Promise<void> {
  const stream = new FakeStream();
  const fixture = await startEventWorker(stream.activities);
  for (const [name, play] of Object.entries(SHAPES).filter(([shape]) => isWanted(shape))) {
    stream.reset();
    const played = await play({ fixture, stream }, name);
    const { event, runId }: Recorded = 'event' in played ? played : { event: played };
    const history = cleaned(await shownHistory(eventWorkflowId(event), runId), TASK_QUEUES.socialEvents);
    await save(`${name}.json`, history);
    if (AS_TCTL.includes(name)) await save(path.join('tctl', `${name}.json`), toTctlForm(history));
    await fixture
      .handle(event)
      .terminate()
      .catch(() => undefined);
    process.stdout.write(`${name}\n`);
  }
  await fixture.stop();
}

async function recordSessions(): Promise<void> {
  const { fixture, stop } = await startSessionsStage();
  for (const [name, play] of Object.entries(SESSION_SHAPES).filter(([shape]) => isWanted(shape))) {
    const { userId, runId } = await play(fixture, name);
    await save(`${name}.json`, cleaned(await shownHistory(streamSessionsWorkflowId(userId), runId), TASK_QUEUES.streamSessions));
    await fixture
      .handle(userId)
      .terminate()
      .catch(() => undefined);
    process.stdout.write(`${name}\n`);
  }
  await stop();
}

async function shownHistory(workflowId: string, runId?: string): Promise<unknown> {
  const words = ['workflow', 'show', '--address', address, '--workflow-id', workflowId, '--output', 'json'];
  if (runId !== undefined) words.push('--run-id', runId);
  const { stdout } = await promisify(execFile)(await temporalBinary(), words, { maxBuffer: 64 * 1024 * 1024 });
  return JSON.parse(stdout);
}

async function save(file: string, history: unknown): Promise<void> {
  await writeFile(path.join(import.meta.dirname, file), `${JSON.stringify(history, undefined, 1)}\n`);
}
