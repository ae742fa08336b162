import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  setCurrentDetails,
  workflowInfo,
} from '@temporalio/workflow';
import { readEdgeEvent, readOperatorRequest } from '../contracts/event-guards.ts';
import { DEFAULT_EVENT_POLICY, type EventPolicy } from '../contracts/event-policy.ts';
import type {
  EventFailureView,
  EventView,
  OperatorReply,
  SocialEventInput,
  SocialEventResult,
  SocialEventWorkflow,
} from '../contracts/event-workflow.ts';
import { FAILURE_TYPES } from '../contracts/failure-types.ts';
import { eventFailureKey } from '../contracts/search-attributes.ts';
import { isEdgeEvent } from '../contracts/social-event.ts';
import type { FirstCalls } from './activity-calls.ts';
import { adoptionOf, applyEvent, restore, takeBack, undoneView, type Application, type Undone } from './apply-event.ts';
import { describeRetrying, describeState } from './event-details.ts';
import { EventLedger } from './event-ledger.ts';
import { EdgeMemo, publishRetrying, publishState } from './event-publisher.ts';
import { parkedTimeout, type ParkedTimeout } from './parked-timeout.ts';
import { resetMark } from './run-reset.ts';
import { stepFailureOf, type StepFailure } from './step-failure.ts';
import { createStepRunner, type StepRunner } from './step-runner.ts';

/** Temporal takes 10,000 signals a run, and suggests to continue for events and updates, but not for signals [server 1.29]. */
const CONTINUE_AFTER_MESSAGES = 2_000;

/** What may be asked of a run, whichever version of the code it began with. */
export interface EventHandlers {
  view(): EventView;
  onRequest(action: 'retry' | 'skip', argument: unknown): OperatorReply;
  onEdgeEvent(argument: unknown): void;
}

/**
 * An event that did not go through at once, or an edge with a past: every exit of it, and all further events of its edge, until
 * nothing is open. Each wait may end in a new run that continues this one.
 */
export class EventRun implements EventHandlers {
  readonly #input: SocialEventInput;
  readonly #policy: EventPolicy;
  readonly #ledger: EventLedger;
  readonly #runner: StepRunner;
  readonly #memo = new EdgeMemo();
  readonly #first: FirstCalls | undefined;
  /** Runs that go on from another stay open for a while: a bridge that read that one must find them. */
  readonly #lingers: boolean;
  /** See `RunFence`. A continued run cannot know what came between before it has asked once. */
  #run: string | undefined;
  /** See `resetMark`. */
  #resetMark = resetMark();
  #isFirstAttempt: boolean;
  /** When the first attempt began: in the workflow task that it is made in, time stands still. */
  #fastMs: number | undefined;
  #attempt: CancellationScope | undefined;
  #messages = 0;

  /** @param first calls made before it was known that the event needs more */
  constructor(input: SocialEventInput, first?: FirstCalls) {
    const { startTime, firstExecutionRunId } = workflowInfo();
    this.#input = input;
    this.#first = first;
    this.#policy = { ...DEFAULT_EVENT_POLICY, ...input.policy };
    this.#ledger = new EventLedger(input, first ? startTime.getTime() : Date.now());
    this.#lingers = input.register !== undefined || input.carried !== undefined;
    this.#run = input.carried ? undefined : firstExecutionRunId;
    this.#isFirstAttempt = input.carried === undefined;
    this.#runner = createStepRunner({
      policy: this.#policy,
      ...(first ? { first } : {}),
      run: () => this.#run,
      onRetrying: (failure) => this.#showRetrying(failure),
      spentMs: () => this.#ledger.state.spentMs ?? 0,
      onUnanswered: (isOther) => this.#ledger.noteUnanswered(Date.now() + this.#policy.lateCommitMs, isOther),
    });
  }

  async run(): Promise<SocialEventResult> {
    try {
      await this.#untilNothingIsOpen();
    } catch (error) {
      if (!isCancellation(error)) throw error;
      await CancellationScope.nonCancellable(() => this.#abandon());
      throw error;
    }
    return this.#ledger.result();
  }

  view(): EventView {
    return this.#ledger.view();
  }

  onRequest(action: 'retry' | 'skip', argument: unknown): OperatorReply {
    this.#messages++;
    const request = readOperatorRequest(argument);
    if (request === undefined)
      this.#ignore(`the argument of a ${action} could not be read, the ${action} was taken without it`);
    const reply = this.#ledger.request(action, request ?? {}, timestamp());
    this.#breakOffToContinue();
    return reply;
  }

  onEdgeEvent(argument: unknown): void {
    this.#messages++;
    const event = readEdgeEvent(argument);
    if (!event || !this.#isOfThisEdge(event)) {
      this.#ignore('a signal edgeEvent held no event of this edge');
    } else {
      this.#ledger.offer(event);
      if (this.#ledger.hasNewer) this.#attempt?.cancel();
    }
    this.#breakOffToContinue();
  }

  async #untilNothingIsOpen(): Promise<void> {
    for (;;) {
      // A cancellation is about what was open when it came: an event that came with it goes on in a new run.
      const isAboutAnother = this.#ledger.hasNewer || this.#ledger.state.status !== 'pending';
      if (isAboutAnother && CancellationScope.current().consideredCancelled)
        await CancellationScope.current().cancelRequested;
      if (this.#mustContinue()) await this.#continueAsNew();
      if (this.#wasReset()) await this.#askOtherRuns();
      switch (this.#ledger.nextMove()) {
        case 'write':
          await this.#write();
          break;
        case 'withdraw':
          await this.#askOtherRuns();
          if (!this.#ledger.hasNewer) await this.#withdraw('skipped');
          break;
        case 'close':
          this.#close(this.#ledger.state.decision === 'retry' ? 'superseded' : 'skipped');
          break;
        case 'wait':
          await this.#waitForOperator();
          break;
        case 'settle':
          if (await this.#isSettled()) return;
      }
    }
  }

  /** Writes the latest known event of the edge, or the only event. */
  async #write(): Promise<void> {
    const ledger = this.#ledger;
    ledger.takeNewer(Date.now());
    if (ledger.isCurrentStale()) return this.#close('superseded');
    const application = await this.#attemptOnce();
    switch (application.outcome) {
      case 'applied':
        return this.#close('applied', application.note);
      case 'failed':
        ledger.noteWritten(application.mayBeWritten);
        if (ledger.hasNewer) return;
        ledger.park(application.failure, Date.now());
        return this.#publish();
      case 'stale':
        this.#run = application.run;
        return ledger.adopt(application.known);
      case 'interrupted':
        if (application.writing) ledger.noteUnanswered(Date.now() + this.#policy.lateCommitMs);
        // Rejects with the cancellation where one was asked for.
        if (CancellationScope.current().consideredCancelled) await CancellationScope.current().cancelRequested;
    }
  }

  async #attemptOnce(): Promise<Application> {
    const ledger = this.#ledger;
    const fast = this.#isFirstAttempt;
    this.#isFirstAttempt = false;
    if (fast) this.#fastMs = Date.now();
    ledger.beginRound();
    if (!fast) this.#publish();
    this.#attempt = new CancellationScope();
    const [begunMs, waitedMs] = [Date.now(), this.#runner.quotaWaitMs()];
    try {
      return await this.#attempt.run(() =>
        applyEvent(ledger.state.event, { ...this.#context(), policy: this.#policy, fast }),
      );
    } finally {
      this.#attempt = undefined;
      ledger.noteSpent(Date.now() - begunMs - (this.#runner.quotaWaitMs() - waitedMs));
    }
  }

  /** Gives the event up: what may be left of it is taken back, also what GetStream carries out late. */
  async #withdraw(status: 'skipped' | 'compensated'): Promise<boolean> {
    const ledger = this.#ledger;
    const { mayBeWritten = false, failure = NO_FAILURE } = ledger.state;
    ledger.beginWithdrawal();
    let undone: Undone = { steps: [], kept: true };
    if (mayBeWritten) undone = await takeBack(ledger.state.event, this.#context());
    if (!undone.failure) {
      ledger.noteWritten(false);
      const late = ledger.lateUntilMs();
      if (late !== undefined && !(await this.#newerComesBefore(late, 'looks for a late write before it closes'))) {
        undone = await takeBack(ledger.state.event, this.#context());
        if (!undone.failure) ledger.dropLate();
      }
    }
    if (undone.failure) {
      ledger.noteWritten(true);
      ledger.park({ ...failure, ...undoneView(undone) }, Date.now());
      this.#publish();
      return false;
    }
    this.#close(status);
    return true;
  }

  async #waitForOperator(): Promise<void> {
    const { overtaken, parkedMs = Date.now(), autoRetries = 0, mayBeWritten } = this.#ledger.state;
    const timeout = parkedTimeout(this.#policy, overtaken, autoRetries);
    const dueMs = timeout ? parkedMs + timeout.ms : undefined;
    const lateMs = mayBeWritten === true ? undefined : this.#ledger.lateUntilMs();
    const isLateFirst = lateMs !== undefined && (dueMs === undefined || lateMs < dueMs);
    const wakeMs = isLateFirst ? lateMs : dueMs;
    const summary = isLateFirst ? 'looks for a late write' : timeout?.summary;
    const woken = (): boolean => this.#ledger.state.decision !== undefined || this.#hasNews();
    if (await this.#wokenBefore(woken, wakeMs, summary)) return;
    if (isLateFirst) await this.#mendLateWrites();
    else if (timeout) await this.#onParkedTimeout(timeout.action);
  }

  async #onParkedTimeout(action: ParkedTimeout['action']): Promise<void> {
    switch (action) {
      case 'supersede':
        return this.#close('superseded');
      case 'retry':
        this.#ledger.countAutoRetry();
        this.#ledger.request('retry', { by: 'auto-retry schedule' }, timestamp());
        return;
      case 'fail':
        await this.#giveUp();
    }
  }

  async #giveUp(): Promise<void> {
    const { failure } = this.#ledger.state;
    await this.#askOtherRuns();
    if (this.#ledger.hasNewer || !(await this.#withdraw('compensated')) || this.#ledger.hasNewer) return;
    const message = `given up after ${this.#policy.parkedLimitMs} ms parked: ${failure?.message ?? ''}`;
    throw ApplicationFailure.nonRetryable(message, failure?.type ?? FAILURE_TYPES.internal, this.#ledger.result());
  }

  /** Cancelled by an operator: the event is given up and taken back; what came meanwhile goes on in a new run. */
  async #abandon(): Promise<void> {
    const ledger = this.#ledger;
    const hasLostCalls = this.#first?.isUnderWay === true || this.#mayHaveLostCalls();
    await this.#askOtherRuns();
    const { status, overtaken } = ledger.state;
    if (status === 'pending' && hasLostCalls) ledger.noteUnanswered(Date.now() + this.#policy.lateCommitMs);
    if (status === 'parked' && overtaken) this.#close('compensated');
    else if (status === 'pending' || status === 'parked') await this.#withdraw('compensated');
    if (!ledger.hasNewer && ledger.state.status !== 'parked') await this.#mendAtOnce();
    if (ledger.hasNewer) await this.#continueAsNew();
    const { failure } = ledger.state;
    if (ledger.state.status !== 'parked') return;
    const message = `cancelled, but undoing failed: ${failure?.compensationFailure ?? ''}`;
    throw ApplicationFailure.nonRetryable(message, FAILURE_TYPES.compensationFailed, ledger.result());
  }

  /** Nothing is open: late writes are waited for, then late events. @returns false when there is more to do */
  async #isSettled(): Promise<boolean> {
    const lateMs = this.#ledger.lateUntilMs();
    const woken = (): boolean => this.#hasNews();
    if (lateMs !== undefined) {
      if (!(await this.#wokenBefore(woken, lateMs, 'looks for a late write before it closes')))
        await this.#mendLateWrites();
      return false;
    }
    if (!this.#lingers) return !this.#hasNews();
    const lingerEndMs = Date.now() + this.#policy.resumedLingerMs;
    return !(await this.#wokenBefore(woken, lingerEndMs, 'linger for late events of this edge'));
  }

  /** The time of late writes is over: makes stand what should. */
  async #mendLateWrites(): Promise<void> {
    const { event, status } = this.#ledger.state;
    this.#ledger.dropLate();
    const { failure } = await restore(event, { ...this.#context(), isApplied: status === 'applied' });
    if (!failure) this.#ledger.noteWritten(false);
    else {
      const view = {
        ...(this.#ledger.state.failure ?? NO_FAILURE),
        compensationFailure: `${failure.type}: ${failure.message}`,
      };
      this.#ledger.noteWritten(true);
      this.#ledger.park(view, Date.now());
    }
    this.#publish();
  }

  async #mendAtOnce(): Promise<void> {
    const lateMs = this.#ledger.lateUntilMs();
    if (lateMs === undefined) return;
    if (!(await this.#newerComesBefore(lateMs, 'looks for a late write before it closes')))
      await this.#mendLateWrites();
  }

  async #newerComesBefore(atMs: number, summary: string): Promise<boolean> {
    return this.#wokenBefore(() => this.#ledger.hasNewer, atMs, summary);
  }

  /** @param atMs for ever when undefined */
  async #wokenBefore(woken: () => boolean, atMs: number | undefined, summary: string | undefined): Promise<boolean> {
    if (woken()) return true;
    if (atMs === undefined) {
      await condition(woken);
      return true;
    }
    return condition(woken, Math.max(1, atMs - Date.now()), summary === undefined ? {} : { summary });
  }

  #close(status: 'applied' | 'superseded' | 'skipped' | 'compensated', note?: string): void {
    this.#ledger.close(status, Date.now());
    this.#publish(note);
  }

  #publish(note?: string): void {
    publishState(this.#ledger.state, note);
    this.#memo.write(this.#ledger.edgeState());
  }

  /** The attribute is written only when it changes, as each write is an event and one for visibility. */
  #showRetrying(failure: StepFailure): void {
    const shown = workflowInfo().typedSearchAttributes.get(eventFailureKey);
    if (shown === failure.type) setCurrentDetails(describeRetrying(failure));
    else publishRetrying(this.#ledger.state.event.kind, failure);
  }

  #ignore(what: string): void {
    this.#ledger.ignore(what);
    setCurrentDetails(describeState(this.#ledger.state));
  }

  #context() {
    const ledger = this.#ledger;
    return {
      runner: this.#runner,
      beganMs: ledger.beganMs,
      stands: ledger.stands,
      mayBeWritten: () => ledger.state.mayBeWritten === true,
    };
  }

  #isOfThisEdge(event: NonNullable<ReturnType<typeof readEdgeEvent>>): boolean {
    const { event: own } = this.#ledger.state;
    if (!isEdgeEvent(own)) return false;
    if (own.kind === 'follow')
      return event.kind === 'follow' && event.source === own.source && event.target === own.target;
    return event.kind === 'reaction' && event.edgeId === own.edgeId;
  }

  /**
   * Calls made inside the first workflow task are recorded with its end: one that failed, as it does when its worker dies or a
   * message comes before it closes the run, was made again from its beginning, and what it wrote is not known.
   */
  #mayHaveLostCalls(): boolean {
    return this.#input.carried === undefined && (this.#fastMs === undefined || this.#fastMs === Date.now());
  }

  #hasNews(): boolean {
    return this.#ledger.hasNewer || this.#mustContinue() || this.#wasReset();
  }

  #wasReset(): boolean {
    return this.#resetMark !== resetMark();
  }

  /**
   * A reset takes the run back to a time before messages that were acknowledged, which the operator may have kept from being
   * applied again, and before later runs of its edge. Writes ask by themselves; a run may be given up before it makes any.
   */
  async #askOtherRuns(): Promise<void> {
    this.#resetMark = resetMark();
    if (!isEdgeEvent(this.#ledger.state.event)) return;
    try {
      await this.#runner.runCompensation(
        { activity: 'checkRun', input: null },
        'what do the other runs of the edge know?',
      );
    } catch (error) {
      if (isCancellation(error)) throw error;
      const { known, run } = adoptionOf(stepFailureOf(error));
      this.#run = run;
      this.#ledger.adopt(known);
    }
  }

  #mustContinue(): boolean {
    return this.#messages >= CONTINUE_AFTER_MESSAGES || workflowInfo().continueAsNewSuggested;
  }

  /** Retries may take an hour, and each message grows the history: what is being tried goes on in the next run. */
  #breakOffToContinue(): void {
    if (this.#mustContinue()) this.#attempt?.cancel();
  }

  async #continueAsNew(): Promise<never> {
    await condition(allHandlersFinished);
    const { register: _register, late: _late, ...input } = this.#input;
    const { state } = this.#ledger;
    return continueAsNew<SocialEventWorkflow>({ ...input, event: state.event, carried: state });
  }
}

const NO_FAILURE: EventFailureView = { type: FAILURE_TYPES.internal, message: 'given up', step: '', undone: [] };

function timestamp(): string {
  return new Date().toISOString();
}
