import { isGrpcServiceError } from '@temporalio/client';
import proto from '@temporalio/proto';
import { sharedTemporal } from '../../support/temporal.ts';

const { WorkflowTaskFailedCause } = proto.temporal.api.enums.v1;
/** The server refuses polls that leave it too little time. */
const POLL_MS = 30_000;

export interface FailingWorker {
  stop(): Promise<void>;
}

/**
 * A worker that fails every workflow task of its queue with this message, as code does that breaks on what a history holds;
 * `replay`: as code that does not fit the history.
 */
export async function startFailingWorker(
  taskQueue: string,
  message: string,
  cause: 'replay' | 'other' = 'other',
): Promise<FailingWorker> {
  const { connection, namespace } = await sharedTemporal();
  const service = connection.workflowService;
  const abort = new AbortController();
  const poll = () =>
    connection.withAbortSignal(abort.signal, () =>
      connection.withDeadline(Date.now() + POLL_MS, () =>
        service.pollWorkflowTaskQueue({ namespace, taskQueue: { name: taskQueue }, identity: 'failing worker' }),
      ),
    );
  const failNext = async (): Promise<void> => {
    const { taskToken } = await poll();
    if (taskToken.length === 0) return;
    await service.respondWorkflowTaskFailed({
      namespace,
      taskToken,
      identity: 'failing worker',
      cause:
        cause === 'replay'
          ? WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR
          : WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE,
      failure: { message },
    });
  };
  const running = (async () => {
    while (!abort.signal.aborted) {
      await failNext().catch((error: unknown) => {
        // A task that was taken back meanwhile, or the poll that `stop` ends.
        if (!abort.signal.aborted && !(isGrpcServiceError(error) && error.details.includes('not found'))) throw error;
      });
    }
  })();
  return {
    async stop() {
      abort.abort();
      await running;
    },
  };
}
