/**
 * Records one history for each shape of workflow, as `temporal workflow show --output json` writes it, and some of them as
 * `tctl` did:
 *
 *     node test/histories/record.ts [<shape>...]
 *
 * To be run when a change of the workflow code is meant to end old histories; what is checked in otherwise stays, as
 * it stands for the workflows that are open while a new version is deployed.
 */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { eventWorkflowId } from '../../contracts/workflow-ids.ts';
import { startEventWorker } from '../support/event-worker.ts';
import { FakeStream } from '../support/fake-stream.ts';
import { sharedTemporal, stopSharedTemporal, temporalBinary } from '../support/temporal.ts';
import { cleaned, toTctlForm } from './forms.ts';
import { SHAPES } from './shapes.ts';

const AS_TCTL = ['parked-then-retried', 'compensation-failed-then-retried', 'edge-joined-while-retried'];

const stream = new FakeStream();
const fixture = await startEventWorker(stream.activities);
const { address } = await sharedTemporal();
const wanted = process.argv.slice(2);
await mkdir(path.join(import.meta.dirname, 'tctl'), { recursive: true });
for (const [name, play] of Object.entries(SHAPES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  stream.reset();
  const event = await play({ fixture, stream }, name);
  const history = cleaned(await shownHistory(eventWorkflowId(event)));
  await save(`${name}.json`, history);
  if (AS_TCTL.includes(name)) await save(path.join('tctl', `${name}.json`), toTctlForm(history));
  await fixture
    .handle(event)
    .terminate()
    .catch(() => undefined);
  process.stdout.write(`${name}\n`);
}
await fixture.stop();
await stopSharedTemporal();

async function shownHistory(workflowId: string): Promise<unknown> {
  const words = ['workflow', 'show', '--address', address, '--workflow-id', workflowId, '--output', 'json'];
  const { stdout } = await promisify(execFile)(await temporalBinary(), words, { maxBuffer: 64 * 1024 * 1024 });
  return JSON.parse(stdout);
}

async function save(file: string, history: unknown): Promise<void> {
  await writeFile(path.join(import.meta.dirname, file), `${JSON.stringify(history, undefined, 1)}\n`);
}
