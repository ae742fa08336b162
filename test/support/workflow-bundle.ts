import { rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { bundleWorkflows } from '../../workers/workflow-bundle.ts';

let shared: Promise<string> | undefined;

/**
 * A file with the workflow code, bundled once for all tests of this process and removed when it ends; worker processes take
 * it as `WORKFLOW_BUNDLE`, which saves each of them some seconds.
 */
export function sharedWorkflowBundle(): Promise<string> {
  shared ??= bundle();
  return shared;
}

async function bundle(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'workflow-bundle-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  const file = path.join(directory, 'workflow-bundle.js');
  const { code } = await bundleWorkflows();
  await writeFile(file, code);
  return file;
}
