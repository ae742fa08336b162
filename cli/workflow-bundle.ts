import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, type WorkflowBundleOption } from '@temporalio/worker';
import { UsageError } from './usage-error.ts';

const ignore = (): void => undefined;
const QUIET_LOGGER = { log: ignore, trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore };

/**
 * The workflow code to replay against: the bundle given, else made from the present sources, which takes 2 to 4 s.
 *
 * @throws UsageError when the file is not there
 */
export async function presentWorkflows(bundle: string | undefined): Promise<WorkflowBundleOption> {
  if (bundle === undefined) {
    const extension = import.meta.url.endsWith('.js') ? 'js' : 'ts';
    const file = (path: string): string => fileURLToPath(new URL(`../${path}.${extension}`, import.meta.url));
    return bundleWorkflowCode({
      workflowsPath: file('workflows/index'),
      payloadConverterPath: file('contracts/shared/tolerant-payload-converter'),
      logger: QUIET_LOGGER,
    });
  }
  if (!existsSync(bundle)) throw new UsageError(`there is no workflow bundle at ${bundle}`);
  return { codePath: bundle };
}
