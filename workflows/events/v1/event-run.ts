import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  patched,
  workflowInfo,
} from '@temporalio/workflow';
import { readEdgeEvent, readOperatorRequest } from '../../../contracts/events/event-guards.ts';
import { DEFAULT_EVENT_POLICY, type EventPolicy } from '../../../contracts/events/event-policy.ts';
import type {
  EventFailureView,
  EventLedgerState,
  EventView,
  OperatorReply,
  SocialEventInput,
  SocialEventResult,
  SocialEventWorkflow,
} from '../../../contracts/events/event-workflow.ts';
import { FAILURE_TYPES } from '../../../contracts/events/failure-types.ts';
import type { FirstCalls } from '../activity-calls.ts';
import { publishRetrying, publishState } from '../event-publisher.ts';
import { parkedTimeout, type ParkedTimeout } from '../parked-timeout.ts';
import { applyEvent, compensate, planOf, type Application, type Step } from './apply-event.ts';
import { EventLedger } from './event-ledger.ts';
import type { StepFailure } from '../step-failure.ts';
import { createStepRunner, type StepRunner } from './step-runner.ts';

/**
 * Events whose runs began before `patched('every-exit')` and went beyond their first attempt: the code they began with, kept
 * as it was so that they replay. They leave it when they continue as new, or are woken while parked. To be deleted when no
 * such run is open any more: `WorkflowType="socialEvent" AND ExecutionStatus="Running" AND StartTime < "..."`, the time at which
 * the last bridge of the first version was stopped.
 */
export class EventRun {
  readonly #ledger: EventLedger;
  readonly #policy: EventPolicy;
  readonly #runner: StepRunner;
  /** Runs that continue an edge stay open for a while: a bridge that read the run before them must find them. */
  readonly #lingers: boolean;
  readonly #sinceMs = workflowInfo().startTime.getTime();
  readonly #input: SocialEventInput;
  #isFirstAttempt: boolean;
  #attempt: CancellationScope | undefined;
  #autoRetries = 0;
  /** Steps a cancelled attempt may have written. */
  #begun: readonly Step[] = [];

  constructor(input: SocialEventInput, first?: FirstCalls) {
    this.#input = input;
    this.#policy = { ...DEFAULT_EVENT_POLICY, ...input.policy };
    this.#ledger = new EventLedger(input.event, input.register, input.carried);
    this.#lingers = input.register !== undefined || input.carried !== undefined;
    this.#isFirstAttempt = input.carried === undefined;
    const onRetrying = (failure: StepFailure): void => publishRetrying(this.#ledger.state.event.kind, failure);
    this.#runner = createStepRunner(this.#policy, onRetrying, first);
  }

  view(): EventView {
    return this.#ledger.view();
  }

  onRequest(action: 'retry' | 'skip', argument: unknown): OperatorReply {
    return this.#ledger.request(action, readOperatorRequest(argument) ?? {}, timestamp());
  }

  onEdgeEvent(argument: unknown): void {
    const event = readEdgeEvent(argument);
    if (event) this.#ledger.offer(event);
    if (this.#ledger.hasNewer) this.#attempt?.cancel();
  }

  async run(): Promise<SocialEventResult> {
    try {
      await this.#process();
    } catch (error) {
      if (isCancellation(error)) await this.#abandon();
      throw error;
    }
    return this.#result();
  }

  async #process(): Promise<void> {
    for (;;) {
      const parked = this.#ledger.state.status === 'parked' ? this.#ledger.state : undefined;
      if (parked && !this.#ledger.hasNewer) {
        if ((await this.#waitForOperator()) === 'closed') return;
      } else {
        await this.#writeLatest(parked);
        if (this.#ledger.state.status !== 'parked' && !(await this.#isOfferedMore())) return;
      }
    }
  }

  /** Writes the latest known event of the edge, or the only event. */
  async #writeLatest(parked: EventLedgerState | undefined): Promise<void> {
    const ledger = this.#ledger;
    const { decision } = ledger;
    ledger.takeNewer();
    if (ledger.isCurrentStale()) {
      ledger.close('superseded');
      return this.#publish();
    }
    const application = await this.#applyOnce();
    if (application.outcome === 'applied') ledger.close('applied');
    if (ledger.hasNewer) return this.#writeLatest(parked);
    if (application.outcome === 'failed') ledger.park(application.failure);
    else if (parked) this.#overtake(parked, decision);
    this.#publish(application.outcome === 'applied' ? application.note : undefined);
  }

  /** The parked event stays to be acknowledged, unless an operator decided on it while the later one came. */
  #overtake(parked: EventLedgerState, decision: 'retry' | 'skip' | undefined): void {
    this.#ledger.markOvertaken(parked);
    if (decision) this.#ledger.close(decision === 'retry' ? 'superseded' : 'skipped');
  }

  async #applyOnce(): Promise<Application> {
    const fast = this.#isFirstAttempt;
    this.#isFirstAttempt = false;
    this.#ledger.beginRound();
    if (!fast) this.#publish();
    this.#attempt = new CancellationScope();
    const application = await this.#attempt.run(() =>
      applyEvent(this.#ledger.state.event, {
        policy: this.#policy,
        runner: this.#runner,
        fast,
        sinceMs: this.#sinceMs,
      }),
    );
    this.#attempt = undefined;
    if (application.outcome === 'interrupted' && CancellationScope.current().consideredCancelled) {
      this.#begun = application.begun;
      // Rejects with the cancellation that was asked for.
      await CancellationScope.current().cancelRequested;
    }
    return application;
  }

  /** Waits, on a run that lingers, for a later event of the edge. */
  async #isOfferedMore(): Promise<boolean> {
    if (!this.#ledger.hasNewer && this.#lingers) {
      const summary = 'linger for late events of this edge';
      await condition(() => this.#ledger.hasNewer, this.#policy.resumedLingerMs, { summary });
    }
    return this.#ledger.hasNewer;
  }

  async #waitForOperator(): Promise<'closed' | 'open'> {
    const ledger = this.#ledger;
    const woken = (): boolean =>
      ledger.decision !== undefined || ledger.hasNewer || workflowInfo().continueAsNewSuggested;
    const timeout = parkedTimeout(this.#policy, ledger.state.overtaken, this.#autoRetries);
    const inTime = timeout ? await condition(woken, timeout.ms, { summary: timeout.summary }) : await forever(woken);
    // Woken by this version: what is to be done now is done by its code.
    if (inTime && patched('leave-earlier-code')) return this.#continueAsNew();
    if (ledger.hasNewer) return 'open';
    if (!inTime && timeout) return this.#onParkedTimeout(timeout.action);
    if (ledger.decision) return this.#onDecision(ledger.decision);
    return this.#continueAsNew();
  }

  async #continueAsNew(): Promise<never> {
    const { decision, state } = this.#ledger;
    await condition(allHandlersFinished);
    return continueAsNew<SocialEventWorkflow>({
      ...this.#input,
      carried: {
        ...state,
        beganMs: this.#sinceMs,
        mayBeWritten:
          state.failure?.compensationFailure !== undefined || state.failure?.type === FAILURE_TYPES.ambiguous,
        autoRetries: this.#autoRetries,
        ...(decision ? { decision } : {}),
      },
    });
  }

  #onParkedTimeout(action: ParkedTimeout['action']): 'closed' | 'open' | Promise<'closed' | 'open'> {
    switch (action) {
      case 'supersede':
        return this.#closeParked('superseded');
      case 'retry':
        this.#autoRetries++;
        this.#ledger.request('retry', { by: 'auto-retry schedule' }, timestamp());
        return this.#onDecision('retry');
      case 'fail':
        return this.#giveUp();
    }
  }

  async #onDecision(decision: 'retry' | 'skip'): Promise<'closed' | 'open'> {
    const ledger = this.#ledger;
    if (ledger.state.overtaken) return this.#closeParked(decision === 'retry' ? 'superseded' : 'skipped');
    if (decision === 'retry') {
      await this.#writeLatest(undefined);
      return ledger.state.status === 'parked' || (await this.#isOfferedMore()) ? 'open' : 'closed';
    }
    const left = await this.#takeBackLeftovers();
    if (!left) return this.#closeParked('skipped');
    ledger.park(left);
    this.#publish();
    return 'open';
  }

  async #closeParked(status: 'superseded' | 'skipped'): Promise<'closed' | 'open'> {
    this.#ledger.close(status);
    this.#publish();
    return (await this.#isOfferedMore()) ? 'open' : 'closed';
  }

  /** Undoes what a failed event may have left; returns the failure when that fails again. */
  async #takeBackLeftovers(): Promise<EventLedgerState['failure']> {
    const { failure, event } = this.#ledger.state;
    const mayBeWritten = failure?.compensationFailure !== undefined || failure?.type === FAILURE_TYPES.ambiguous;
    const steps = mayBeWritten ? planOf(event, this.#sinceMs, this.#policy) : this.#begun;
    const { compensationFailure: _previous, ...rest } = failure ?? NO_FAILURE;
    const undone = await compensate(this.#runner, steps);
    if (!undone.failure) return undefined;
    return { ...rest, compensationFailure: `${undone.failure.type}: ${undone.failure.message}` };
  }

  async #giveUp(): Promise<never> {
    const left = await this.#takeBackLeftovers();
    if (left) this.#ledger.park(left);
    else this.#ledger.close('compensated');
    this.#publish();
    const { failure } = this.#ledger.state;
    const message = `given up after ${this.#policy.parkedLimitMs} ms parked: ${failure?.message ?? ''}`;
    throw ApplicationFailure.nonRetryable(message, failure?.type ?? FAILURE_TYPES.internal, this.#result());
  }

  /** Cancelled by an operator: the event is given up and taken back. */
  async #abandon(): Promise<void> {
    const { status } = this.#ledger.state;
    if (status !== 'pending' && status !== 'parked') return;
    const left = await CancellationScope.nonCancellable(() => this.#takeBackLeftovers());
    if (left) this.#ledger.park(left);
    else this.#ledger.close('compensated');
    this.#publish();
    if (!left) return;
    const message = `cancelled, but undoing failed: ${left.compensationFailure ?? ''}`;
    throw ApplicationFailure.nonRetryable(message, FAILURE_TYPES.compensationFailed, this.#result());
  }

  #result(): SocialEventResult {
    const { status, register } = this.#ledger.state;
    return { status, ...(register ? { register } : {}) };
  }

  #publish(note?: string): void {
    publishState(this.#ledger.state, note);
  }
}

const NO_FAILURE: EventFailureView = { type: FAILURE_TYPES.internal, message: 'given up', step: '', undone: [] };

function timestamp(): string {
  return new Date().toISOString();
}

async function forever(woken: () => boolean): Promise<boolean> {
  await condition(woken);
  return true;
}
