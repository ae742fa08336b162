import { workflowInfo } from '@temporalio/workflow';
import { eventKindKey } from '../../contracts/shared/search-attributes.ts';

/** The part of the SDK's state of a run that is read here [SDK 1.24: `@temporalio/workflow` internals.ts, `Activator`]. */
interface Activator {
  readonly randomnessSeed?: readonly number[];
}

/**
 * Changes when the run is reset, at the same place of its history on every replay: Temporal gives a run that was reset another
 * seed for its random numbers, and nothing else that a workflow can see [sdk-core: `UpdateRandomSeed` upon the
 * `WorkflowTaskFailed` of a reset]. Empty, and so never changing, should a later SDK keep its seed elsewhere.
 */
export function resetMark(): string {
  const activator: unknown = Reflect.get(globalThis, '__TEMPORAL_ACTIVATOR__');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- read with care: every part of it may be missing
  const { randomnessSeed } = (activator ?? {}) as Activator;
  return randomnessSeed?.join() ?? '';
}

/**
 * The run a workflow takes itself for when it begins, see `RunFence`: the first of its chain, which it is unless it was reset.
 * Undefined where it was started by hand, so that other runs of its edge may have decided already.
 */
export function ownRun(): string | undefined {
  const { firstExecutionRunId, typedSearchAttributes } = workflowInfo();
  return typedSearchAttributes.get(eventKindKey) === undefined ? undefined : firstExecutionRunId;
}
