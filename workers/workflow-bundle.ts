import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, type WorkflowBundleOption } from '@temporalio/worker';

const IS_COMPILED = import.meta.url.endsWith('.js');
const BUILT_BUNDLE = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));
const ignore = (): void => undefined;
const QUIET_LOGGER = { log: ignore, trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore };

/**
 * The workflow code as workers load it: the file given, else the one `npm run build` made where this is a build, else
 * bundled from source, which takes 2 to 4 s.
 *
 * @throws Error when the file is not there
 */
export async function loadWorkflowBundle(codePath: string | undefined): Promise<WorkflowBundleOption> {
  const path = codePath ?? (IS_COMPILED ? BUILT_BUNDLE : undefined);
  if (path === undefined) return bundleWorkflows();
  if (!existsSync(path)) throw new Error(`There is no workflow bundle at ${path}; make it with: npm run build`);
  return { codePath: path };
}

/**
 * Bundles the workflows from source, with a payload converter that no argument of a signal can make fail, and a guard against
 * queries at the wrong moment.
 */
export function bundleWorkflows(): ReturnType<typeof bundleWorkflowCode> {
  const extension = IS_COMPILED ? 'js' : 'ts';
  const file = (path: string): string => fileURLToPath(new URL(`../${path}.${extension}`, import.meta.url));
  return bundleWorkflowCode({
    workflowsPath: file('workflows/index'),
    payloadConverterPath: file('contracts/shared/tolerant-payload-converter'),
    workflowInterceptorModules: [file('workflows/query-guard')],
    logger: QUIET_LOGGER,
  });
}
