/** A worker of the bare update, set up as that of the sessions. */
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { z } from 'zod';
import { serveCalls } from '../load-process.ts';

const options = z.object({ address: z.string(), namespace: z.string(), taskQueue: z.string() });

serveCalls({
  async start(params) {
    const { address, ...where } = options.parse(params);
    const logger = new DefaultLogger('ERROR');
    Runtime.install({ logger, shutdownSignals: [] });
    const worker = await Worker.create({
      ...where,
      connection: await NativeConnection.connect({ address }),
      workflowBundle: await bundleWorkflowCode({
        workflowsPath: fileURLToPath(new URL('bare-update-workflow.ts', import.meta.url)),
        logger,
      }),
      maxCachedWorkflows: 1_000,
      maxConcurrentWorkflowTaskExecutions: 100,
      maxConcurrentWorkflowTaskPolls: 10,
    });
    void worker.run();
  },
});
