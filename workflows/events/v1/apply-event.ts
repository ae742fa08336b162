import { CancellationScope, isCancellation, sleep } from '@temporalio/workflow';
import type { EventPolicy } from '../../../contracts/events/event-policy.ts';
import type { EventFailureView } from '../../../contracts/events/event-workflow.ts';
import { FAILURE_TYPES, type FailureType } from '../../../contracts/events/failure-types.ts';
import type { SocialEvent } from '../../../contracts/events/social-event.ts';
import { parentStepOf, undoOf, writeStepsOf, type ActivityCall, type Step as PlannedStep } from '../event-plan.ts';
import { stepFailureOf, type StepFailure } from '../step-failure.ts';
import type { StepRunner } from './step-runner.ts';

const LONGEST_LOOK_PAUSE_MS = 15_000;

export type Application =
  | { readonly outcome: 'applied'; readonly note?: string }
  | { readonly outcome: 'failed'; readonly failure: EventFailureView }
  /** Cancelled half-way; `begun` holds what may have been written. */
  | { readonly outcome: 'interrupted'; readonly begun: readonly Step[] };

export interface ApplyOptions {
  readonly policy: EventPolicy;
  readonly runner: StepRunner;
  /** First attempts inside the workflow task. */
  readonly fast: boolean;
  /** Start of the event's attempts, ms since the epoch. */
  readonly sinceMs: number;
}

/** Carries out an event's plan; when a step fails for good, takes back what the event made. */
export async function applyEvent(event: SocialEvent, options: ApplyOptions): Promise<Application> {
  const { policy, runner } = options;
  const plan = planOf(event, options.sinceMs, policy);
  for (let round = 1; ; round++) {
    const begun: Step[] = [];
    try {
      for (const step of plan) {
        // Noted before the call: a write that failed may have happened all the same.
        begun.push(step);
        await runStep(step, { ...options, fast: options.fast && round === 1 });
      }
      return { outcome: 'applied' };
    } catch (error) {
      if (isCancellation(error)) return { outcome: 'interrupted', begun };
      const failure = stepFailureOf(error);
      const failed = begun.at(-1);
      if (isVerified(failed) && !failure.final && (await wasWritten(runner, failed))) return { outcome: 'applied' };
      const undone = await compensate(
        runner,
        begun.filter((step) => !isVerified(step)),
      );
      if (failure.type === FAILURE_TYPES.copyIncomplete && undone.kept) {
        return { outcome: 'applied', note: 'The follow was there before this event; its copy was left as it is.' };
      }
      if (failure.type === FAILURE_TYPES.copyIncomplete && !undone.failure && round < policy.copyRounds) continue;
      return { outcome: 'failed', failure: failureView(failure, failed, undone) };
    }
  }
}

/** A step as it was, with how it is taken back. */
export type Step = PlannedStep & { readonly undo?: ActivityCall };

/** The plan as it was: follows and removals were not verified, and removals not taken back. */
export function planOf(event: SocialEvent, sinceMs: number, policy: EventPolicy): readonly Step[] {
  const parent = parentStepOf(event, policy);
  const [write, ...confirmations] = writeStepsOf(event);
  const isRemoval = 'action' in event && (event.action === 'Unlike' || event.action === 'Unfollow');
  const undo = isRemoval ? {} : { undo: undoOf(event, { sinceMs }) };
  return [...(parent ? [parent] : []), { ...write, ...undo }, ...confirmations];
}

function isVerified(step: Step | undefined): step is Step {
  return step?.call.activity === 'addActivity' || step?.call.activity === 'addReaction';
}

interface Undone {
  /** Names of the steps that were taken back. */
  readonly steps: readonly string[];
  /** The relation was not this event's own and stays. */
  readonly kept: boolean;
  readonly failure?: StepFailure;
}

/** Takes steps back, last first, even while the workflow is being cancelled; goes on past an undo that fails. */
export function compensate(runner: StepRunner, steps: readonly Step[]): Promise<Undone> {
  return CancellationScope.nonCancellable(async () => {
    const done: string[] = [];
    let kept = false;
    let failure: StepFailure | undefined;
    for (const { name, undo } of steps.toReversed()) {
      if (!undo) continue;
      try {
        const result = await runner.runCompensation(undo, `undo: ${name}`);
        if (result === 'kept') kept = true;
        else if (result !== 'absent') done.push(name);
      } catch (error) {
        failure ??= stepFailureOf(error);
      }
    }
    return { steps: done, kept, ...(failure ? { failure } : {}) };
  });
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
        if (type === FAILURE_TYPES.parentMissing && policy.parentMissing === 'write') return;
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

/** Settles a write whose attempts ended without an answer; when even that read fails, the write counts as not made. */
async function wasWritten(runner: StepRunner, step: Step): Promise<boolean> {
  if (!step.verify) return false;
  try {
    return (await runner.runCompensation(step.verify.call, `was it written? ${step.name}`)) === true;
  } catch {
    return false;
  }
}

function failureView(failure: StepFailure, failed: Step | undefined, undone: Undone): EventFailureView {
  return {
    type: failure.type,
    message: failure.message,
    step: failed?.name ?? '',
    undone: undone.steps,
    ...(undone.failure ? { compensationFailure: `${undone.failure.type}: ${undone.failure.message}` } : {}),
  };
}
