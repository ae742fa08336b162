import { CancellationScope, isCancellation, sleep } from '@temporalio/workflow';
import type { EventPolicy } from '../../contracts/events/event-policy.ts';
import type { EventFailureView } from '../../contracts/events/event-workflow.ts';
import { FAILURE_TYPES, type FailureType } from '../../contracts/events/failure-types.ts';
import { isEdgeEvent, type SocialEvent } from '../../contracts/events/social-event.ts';
import { parentStepOf, undoOf, writeStepsOf, type ActivityCall, type Step, type UndoContext } from './event-plan.ts';
import { stepFailureOf, type StepFailure } from './step-failure.ts';
import type { StepRunner } from './step-runner.ts';

const LONGEST_LOOK_PAUSE_MS = 15_000;

export type Application =
  | { readonly outcome: 'applied'; readonly note?: string }
  /** Given up for now. `mayBeWritten`: whether the write may stand all the same. */
  | { readonly outcome: 'failed'; readonly failure: EventFailureView; readonly mayBeWritten: boolean }
  /** Cancelled half-way. `writing`: the write may have been made. */
  | { readonly outcome: 'interrupted'; readonly writing: boolean };

export interface ApplyOptions extends UndoContext {
  readonly policy: EventPolicy;
  readonly runner: StepRunner;
  /** First attempts inside the workflow task. */
  readonly fast: boolean;
  /** Whether an earlier attempt may have written the event, or one before it whose effect is not wanted either. */
  readonly mayBeWritten: () => boolean;
}

/**
 * Carries out an event's plan; when a step fails for good, takes back what the event made, and nothing else.
 *
 * @throws the failure `StaleRun`, when other runs of the edge know more
 */
export async function applyEvent(event: SocialEvent, options: ApplyOptions): Promise<Application> {
  const { policy } = options;
  for (let round = 1; ; round++) {
    const application = await tryOnce(event, { ...options, fast: options.fast && round === 1 });
    if (application.outcome !== 'failed' || application.failure.type !== FAILURE_TYPES.copyIncomplete)
      return application;
    const undone = options.stands?.present === true ? KEPT : await takeBack(event, options);
    if (undone.kept) return { outcome: 'applied', note: 'The follow was there before; its copy was left as it is.' };
    if (undone.failure || round >= policy.copyRounds) {
      return {
        outcome: 'failed',
        failure: { ...application.failure, ...undoneView(undone) },
        mayBeWritten: undone.failure !== undefined,
      };
    }
  }
}

async function tryOnce(event: SocialEvent, options: ApplyOptions): Promise<Application> {
  const parent = parentStepOf(event, options.policy);
  const [write, ...confirmations] = writeStepsOf(event);
  let current = parent ?? write;
  try {
    if (parent) await runStep(parent, options);
    current = write;
    await writeOrVerify(write, options);
    for (const step of confirmations) {
      current = step;
      await runStep(step, options);
    }
    return { outcome: 'applied' };
  } catch (error) {
    // First attempts are forgotten with a workflow task that fails: what it did beyond the parent's look is not known.
    if (isCancellation(error)) return { outcome: 'interrupted', writing: current !== parent || options.fast };
    const failure = stepFailureOf(error);
    if (failure.type === FAILURE_TYPES.staleRun) throw error;
    const view = { type: failure.type, message: failure.message, step: current.name, undone: [] };
    const mayBeWritten = current === write ? options.mayBeWritten() : current !== parent || options.mayBeWritten();
    // An outage answers an undo no better than the write: what may be written is remembered instead.
    const undoNow = mayBeWritten && failure.final && failure.type !== FAILURE_TYPES.copyIncomplete;
    if (!undoNow) return { outcome: 'failed', failure: view, mayBeWritten };
    const undone = await takeBack(event, options);
    return {
      outcome: 'failed',
      failure: { ...view, ...undoneView(undone) },
      mayBeWritten: undone.failure !== undefined,
    };
  }
}

/** A write whose attempts ended without an answer counts as made when its effect stands. */
async function writeOrVerify(write: Step, options: ApplyOptions): Promise<void> {
  try {
    await runStep(write, options);
  } catch (error) {
    if (isCancellation(error)) throw error;
    if (stepFailureOf(error).final || !options.mayBeWritten() || !(await stands(write, options.runner))) throw error;
  }
}

async function stands({ name, verify }: Step, runner: StepRunner): Promise<boolean> {
  if (!verify) return false;
  try {
    return (await runner.runCompensation(verify.call, `was it written? ${name}`)) === verify.expect;
  } catch (error) {
    if (isCancellation(error) || stepFailureOf(error).type === FAILURE_TYPES.staleRun) throw error;
    return false;
  }
}

export interface Undone {
  /** Names of the steps that were taken back. */
  readonly steps: readonly string[];
  /** The relation was not this event's own and stays. */
  readonly kept: boolean;
  readonly failure?: StepFailure;
}

const KEPT: Undone = { steps: [], kept: true };

/**
 * Takes back what the event may have written, even while the workflow is being cancelled.
 *
 * @throws the failure `StaleRun`
 */
export function takeBack(event: SocialEvent, options: UndoContext & Pick<ApplyOptions, 'runner'>): Promise<Undone> {
  const [{ name }] = writeStepsOf(event);
  return undo(undoOf(event, options), name, options.runner);
}

/**
 * Makes stand again what should, after late writes may have changed it: of an edge, what its register says.
 *
 * @param isApplied whether the event is, which tells of a post or comment
 * @throws the failure `StaleRun`
 */
export function restore(
  event: SocialEvent,
  options: UndoContext & Pick<ApplyOptions, 'runner'> & { readonly isApplied: boolean },
): Promise<Undone> {
  if (!options.isApplied || isEdgeEvent(event)) return takeBack(event, options);
  const [{ name, call }] = writeStepsOf(event);
  return undo(call, name, options.runner);
}

function undo(call: ActivityCall, name: string, runner: StepRunner): Promise<Undone> {
  return CancellationScope.nonCancellable(async () => {
    try {
      const result = await runner.runCompensation(call, `undo: ${name}`);
      const answer: unknown = typeof result === 'object' && result !== null ? Reflect.get(result, 'answer') : result;
      if (answer === 'kept') return KEPT;
      return { steps: answer === 'absent' ? [] : [name], kept: false };
    } catch (error) {
      const failure = stepFailureOf(error);
      if (failure.type === FAILURE_TYPES.staleRun) throw error;
      return { steps: [], kept: false, failure };
    }
  });
}

export function undoneView({ steps, failure }: Undone): Pick<EventFailureView, 'undone' | 'compensationFailure'> {
  return {
    undone: steps,
    ...(failure ? { compensationFailure: `${failure.type}: ${failure.message}` } : {}),
  };
}

async function runStep(step: Step, { fast, policy, runner }: ApplyOptions): Promise<void> {
  const begunMs = Date.now();
  for (let look = 1; ; look++) {
    try {
      const isLook = step.call.activity === 'requireParent' || look === 1;
      await (fast && isLook ? runner.runFast(step) : runner.runDurable(step));
      return;
    } catch (error) {
      if (isCancellation(error)) throw error;
      const { type } = stepFailureOf(error);
      const again = lookAgain(type, look, Date.now() - begunMs, policy);
      if (again === undefined) {
        if (
          step.call.activity === 'requireParent' &&
          type === FAILURE_TYPES.parentMissing &&
          policy.parentMissing === 'write'
        )
          return;
        throw error;
      }
      await sleep(again, { summary: `${type}: look again` });
    }
  }
}

/** Pause before what is not there yet is looked for again, milliseconds; undefined when it was waited for long enough. */
function lookAgain(type: FailureType, looks: number, waitedMs: number, policy: EventPolicy): number | undefined {
  const pauseMs = Math.min(policy.retryInitialMs * 2 ** (looks - 1), LONGEST_LOOK_PAUSE_MS);
  if (type === FAILURE_TYPES.copyIncomplete) return looks < policy.copyConfirmAttempts ? pauseMs : undefined;
  if (type === FAILURE_TYPES.parentMissing) return waitedMs < policy.parentWaitMs ? pauseMs : undefined;
  return undefined;
}
