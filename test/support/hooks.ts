import type { RootHookObject } from 'mocha';
import { stopSharedTemporal } from './temporal.ts';
import { removeSharedWorkflowBundle } from './workflow-bundle.ts';

/** What the whole run shares is given up when the last test is done. */
export const mochaHooks: RootHookObject = {
  async afterAll() {
    await stopSharedTemporal();
    await removeSharedWorkflowBundle();
  },
};
