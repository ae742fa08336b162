import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { bundleWorkflows } from '../../workers/workflow-bundle.ts';

let directory: string | undefined;
let shared: Promise<string> | undefined;

/**
 * A file with the workflow code, bundled once for the whole run; worker processes take it as `WORKFLOW_BUNDLE`, which saves
 * each of them some seconds. Removed by `hooks.ts`.
 */
export function sharedWorkflowBundle(): Promise<string> {
  shared ??= bundle();
  return shared;
}

export async function removeSharedWorkflowBundle(): Promise<void> {
  await shared?.catch(() => undefined);
  if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  shared = undefined;
  directory = undefined;
}

async function bundle(): Promise<string> {
  directory = await mkdtemp(path.join(tmpdir(), 'workflow-bundle-'));
  const file = path.join(directory, 'workflow-bundle.js');
  const { code } = await bundleWorkflows();
  await writeFile(file, code);
  return file;
}
