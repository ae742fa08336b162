import { CancellationScope, isCancellation, sleep } from '@temporalio/workflow';
import type { EdgePosition } from '../contracts/edge-order.ts';
import { readEdgeState } from '../contracts/event-guards.ts';
import type { EventPolicy } from '../contracts/event-policy.ts';
import type { EdgeState, EventFailureView } from '../contracts/event-workflow.ts';
import { FAILURE_TYPES, type FailureType } from '../contracts/failure-types.ts';
import type { SocialEvent } from '../contracts/social-event.ts';
import { parentStepOf, restoreStepOf, writeStepsOf, type ActivityCall, type Step } from './event-plan.ts';
import { stepFailureOf, type StepFailure } from './step-failure.ts';
import type { StepRunner } from './step-runner.ts';

const LONGEST_LOOK_PAUSE_MS = 15_000;

export type Application =
  | { readonly outcome: 'applied'; readonly note?: string }
  /** Given up for now. `mayBeWritten`: whether the write may stand all the same. */
  | { readonly outcome: 'failed'; readonly failure: EventFailureView; readonly mayBeWritten: boolean }
  /** Cancelled half-way. `writing`: the write may have been made. */
  | { readonly outcome: 'interrupted'; readonly writing: boolean }
  /** Nothing was written: other runs of the edge know more, as told, and this is the run that was told so. */
  | { readonly outcome: 'stale'; readonly known: EdgeState; readonly run: string | undefined };

export interface ApplyOptions {
  readonly policy: EventPolicy;
  readonly runner: StepRunner;
  /** First attempts inside the workflow task. */
  readonly fast: boolean;
  /** When the event's attempts began, ms since the epoch. */
  readonly beganMs: number;
  /** The event of the edge whose effect stands on GetStream. */
  readonly stands?: EdgePosition | undefined;
  /** Whether an earlier attempt may have written the event, or one before it whose effect is not wanted either. */
  readonly mayBeWritten: () => boolean;
}

/** Carries out an event's plan; when a step fails for good, takes back what the event made, and nothing else. */
export async function applyEvent(event: SocialEvent, options: ApplyOptions): Promise<Application> {
  const { policy } = options;
  for (let round = 1; ; round++) {
    const application = await tryOnce(event, { ...options, fast: options.fast && round === 1 });
    if (application.outcome !== 'failed' || application.failure.type !== FAILURE_TYPES.copyIncomplete)
      return application;
    const undone = await takeBack(event, options);
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
  const { policy, beganMs, stands } = options;
  const parent = parentStepOf(event, policy);
  const [write, ...confirmations] = writeStepsOf(event, { sinceMs: beganMs, ...(stands ? { stands } : {}) });
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
    if (isCancellation(error)) return { outcome: 'interrupted', writing: current !== parent };
    const failure = stepFailureOf(error);
    if (failure.type === FAILURE_TYPES.staleRun) return { outcome: 'stale', ...adoptionOf(failure) };
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
    if (isCancellation(error)) throw error;
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

/** Takes back what the event may have written, even while the workflow is being cancelled. */
export function takeBack(
  event: SocialEvent,
  { runner, beganMs, stands }: Pick<ApplyOptions, 'runner' | 'beganMs' | 'stands'>,
): Promise<Undone> {
  const [write] = writeStepsOf(event, { sinceMs: beganMs, ...(stands ? { stands } : {}) });
  if (!write.undo) return Promise.resolve({ steps: [], kept: true });
  return undo(write.undo, write.name, runner);
}

/** Makes stand again what should, after late writes may have changed it. */
export function restore(
  event: SocialEvent,
  {
    runner,
    beganMs,
    stands,
    isApplied,
  }: Pick<ApplyOptions, 'runner' | 'beganMs' | 'stands'> & { readonly isApplied: boolean },
): Promise<Undone> {
  const step = restoreStepOf(event, { sinceMs: beganMs, ...(stands ? { stands } : {}) }, isApplied);
  if (!step) return Promise.resolve({ steps: [], kept: true });
  return undo(step.call, step.name, runner);
}

function undo(call: ActivityCall, name: string, runner: StepRunner): Promise<Undone> {
  return CancellationScope.nonCancellable(async () => {
    try {
      const result = await runner.runCompensation(call, `undo: ${name}`);
      if (result === 'kept') return { steps: [], kept: true };
      return { steps: result === 'absent' ? [] : [name], kept: false };
    } catch (error) {
      return { steps: [], kept: false, failure: stepFailureOf(error) };
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

/** What a failure `StaleRun` tells: what the edge's other runs know, and the run that was told so. */
export function adoptionOf({ detail }: StepFailure): { readonly known: EdgeState; readonly run: string | undefined } {
  const run: unknown = typeof detail === 'object' && detail !== null ? Reflect.get(detail, 'run') : undefined;
  return { known: readEdgeState(detail) ?? {}, run: typeof run === 'string' ? run : undefined };
}
