import type { ActivateInput, Next, WorkflowInterceptors, WorkflowInternalsInterceptor } from '@temporalio/workflow';

/** Of queries that come as tasks of their own, not along with a workflow task [SDK 1.24: `LEGACY_QUERY_ID`]. */
const LONE_QUERY = 'legacy_query';

/**
 * Fails a query that would wedge its workflow. A query that waited while no worker was there is answered from a history whose
 * last events no workflow task has seen yet: the SDK lets the workflow act on them, and keeps what came of it for the next
 * task. If that brings an update as well, the history tells another order than a replay makes, for good. Upon a query that
 * fails, the SDK drops the workflow from its memory, so that the next task begins anew; whoever asked may ask again.
 *
 * Such events are known by the time: that of a workflow task moves on, and here none began.
 */
class QueryGuard implements WorkflowInternalsInterceptor {
  #time = '';
  #actedAhead = false;

  activate(input: ActivateInput, next: Next<WorkflowInternalsInterceptor, 'activate'>): void {
    const { jobs, timestamp } = input.activation;
    const queries = (jobs ?? []).flatMap(({ queryWorkflow }) => queryWorkflow ?? []);
    if (queries.length === 0) {
      const time = `${String(timestamp?.seconds)}.${timestamp?.nanos}`;
      // A local activity ends within its task.
      const isOfSameTask = (jobs ?? []).every(({ resolveActivity }) => resolveActivity?.isLocal === true);
      this.#actedAhead = time === this.#time && !isOfSameTask;
      this.#time = time;
    } else if (this.#actedAhead && queries.some(({ queryId }) => queryId === LONE_QUERY)) {
      throw new Error('The query came before the workflow had taken in its latest events; ask again');
    }
    next(input);
  }
}

/** Under the name the SDK looks for in a bundle's `workflowInterceptorModules`. */
export function interceptors(): WorkflowInterceptors {
  return { internals: [new QueryGuard()] };
}
