import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  isCancellation,
  makeContinueAsNewFunc,
  setCurrentDetails,
  workflowInfo,
} from '@temporalio/workflow';
import { readEdgeEvent, readEdgeState, readOperatorRequest } from '../../contracts/events/event-guards.ts';
import { DEFAULT_EVENT_POLICY, type EventPolicy } from '../../contracts/events/event-policy.ts';
import {
  EDGE_MEMO,
  type EventFailureView,
  type EventView,
  type OperatorReply,
  type SocialEventInput,
  type SocialEventResult,
  type SocialEventWorkflow,
} from '../../contracts/events/event-workflow.ts';
import { FAILURE_TYPES } from '../../contracts/events/failure-types.ts';
import { eventFailureKey } from '../../contracts/shared/search-attributes.ts';
import { isEdgeEvent } from '../../contracts/events/social-event.ts';
import type { FirstCalls } from './activity-calls.ts';
import { applyEvent, restore, takeBack, undoneView, type Application, type Undone } from './apply-event.ts';
import { describeRetrying, describeState } from './event-details.ts';
import { EventLedger } from './event-ledger.ts';
import { EdgeMemo, publishRetrying, publishState, showState } from './event-publisher.ts';
import { parkedTimeout, type ParkedTimeout } from './parked-timeout.ts';
import { ownRun, resetMark } from './run-reset.ts';
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
  #resetMark: string;
  #isFirstAttempt: boolean;
  #attempt: CancellationScope | undefined;
  /** An attempt to write may remove another reaction on the way, and that may come late, too. */
  #mayReplace = false;
  #messages = 0;

  /**
   * @param mark the `resetMark` when the run began
   * @param first calls made before it was known that the event needs more
   */
  constructor(input: SocialEventInput, mark: string, first?: FirstCalls) {
    const { startTime } = workflowInfo();
    this.#input = input;
    this.#resetMark = mark;
    this.#first = first;
    this.#policy = { ...DEFAULT_EVENT_POLICY, ...input.policy };
    this.#ledger = new EventLedger(input, startTime.getTime());
    this.#lingers = input.register !== undefined || input.carried !== undefined;
    this.#run = input.carried ? undefined : ownRun();
    this.#isFirstAttempt = input.carried === undefined;
    this.#runner = createStepRunner({
      policy: this.#policy,
      ...(first ? { first } : {}),
      run: () => this.#run,
      onRetrying: (failure) => this.#showRetrying(failure),
      spentMs: () => this.#ledger.state.spentMs ?? 0,
      onUnanswered: (isOther) =>
        this.#ledger.noteUnanswered(Date.now() + this.#policy.lateCommitMs, isOther || this.#mayReplace),
      onRemoved: () => this.#ledger.noteWritten(true),
    });
  }

  async run(): Promise<SocialEventResult> {
    // A first task without commands would be replayed together with the next, in another order when an update is in that.
    if (this.#input.carried) showState(this.#ledger.state);
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
      // A continued run would not know that it was reset, and what other runs know.
      if (this.#mustContinue() && !this.#wasReset()) await this.#continueAsNew();
      try {
        if (this.#wasReset()) await this.#learnOfReset();
        else if (await this.#move()) return;
      } catch (error) {
        this.#adopt(error);
      }
    }
  }

  /** @returns true when nothing is open any more */
  async #move(): Promise<boolean> {
    switch (this.#ledger.nextMove()) {
      case 'write':
        await this.#write();
        return false;
      case 'withdraw':
        await this.#withdraw('skipped');
        return false;
      case 'close':
        this.#close(this.#ledger.state.decision === 'retry' ? 'superseded' : 'skipped');
        return false;
      case 'wait':
        await this.#waitForOperator();
        return false;
      case 'settle':
        return this.#isSettled();
    }
  }

  /** Writes the latest known event of the edge, or the only event. */
  async #write(): Promise<void> {
    const ledger = this.#ledger;
    const isFirst = this.#isFirstAttempt;
    if (ledger.hasNewer) {
      if (isFirst) ledger.noteWritten(true);
      this.#noteFirstCalls();
    }
    ledger.takeNewer(Date.now());
    if (ledger.isCurrentStale()) return this.#supersede();
    const application = await this.#attemptOnce();
    switch (application.outcome) {
      case 'applied':
        return this.#close('applied', application.note);
      case 'failed':
        ledger.noteWritten(application.mayBeWritten || (isFirst && (await this.#hasLostCalls())));
        if (ledger.hasNewer) return;
        ledger.park(application.failure, Date.now());
        return this.#publish();
      case 'interrupted':
        if (application.writing) ledger.noteUnanswered(Date.now() + this.#policy.lateCommitMs);
        // Rejects with the cancellation where one was asked for.
        if (CancellationScope.current().consideredCancelled) await CancellationScope.current().cancelRequested;
    }
  }

  /** What was begun before the event was taken over, and is not awaited: it may be written. */
  #noteFirstCalls(): void {
    const { fastAttemptTimeoutMs, lateCommitMs } = this.#policy;
    if (this.#first?.leave() === true) this.#ledger.noteUnanswered(Date.now() + fastAttemptTimeoutMs + lateCommitMs);
  }

  /** Later events decided already: nothing is written, and what may have been is taken back. */
  async #supersede(): Promise<void> {
    if (this.#ledger.state.mayBeWritten !== true || (await this.#makeStandWhatShould(false))) this.#close('superseded');
  }

  async #attemptOnce(): Promise<Application> {
    const ledger = this.#ledger;
    const fast = this.#isFirstAttempt;
    this.#isFirstAttempt = false;
    this.#mayReplace = ledger.mayReplace;
    ledger.beginRound();
    if (!fast) this.#publish();
    this.#attempt = new CancellationScope();
    const [begunMs, waitedMs] = [Date.now(), this.#runner.quotaWaitMs()];
    try {
      return await this.#attempt.run(() =>
        applyEvent(ledger.state.event, {
          ...this.#undoContext(),
          policy: this.#policy,
          fast,
          mayBeWritten: () => ledger.state.mayBeWritten === true,
        }),
      );
    } finally {
      this.#attempt = undefined;
      ledger.noteSpent(Date.now() - begunMs - (this.#runner.quotaWaitMs() - waitedMs));
    }
  }

  /** Gives the event up: what may be left of it is taken back, also what GetStream carries out late. */
  async #withdraw(status: 'skipped' | 'compensated'): Promise<boolean> {
    const ledger = this.#ledger;
    ledger.beginWithdrawal();
    // A run that was reset to its beginning does not know what it wrote, and nothing has asked so far.
    if (!this.#runner.hasWritten()) await this.#askOtherRuns();
    const { mayBeWritten, failure = NO_FAILURE } = ledger.state;
    let undone: Undone = { steps: [], kept: true };
    if (mayBeWritten === true || ledger.isStanding) undone = await this.#takeBack();
    while (!undone.failure) {
      ledger.noteWritten(false);
      const lateMs = ledger.lateUntilMs();
      if (lateMs === undefined || (await this.#newerComesBefore(lateMs))) break;
      undone = await this.#takeBack();
      if (!undone.failure) ledger.dropLate(lateMs);
    }
    if (undone.failure) {
      ledger.noteWritten(true);
      ledger.parkGivenUp({ ...failure, ...undoneView(undone) }, Date.now());
      this.#publish();
      return false;
    }
    this.#close(status);
    return true;
  }

  #takeBack(): Promise<Undone> {
    const { state, stoodBefore: stands } = this.#ledger;
    return takeBack(state.event, { ...this.#undoContext(), stands });
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
    if (isLateFirst) await this.#mendLateWrites(lateMs);
    else if (timeout) await this.#onParkedTimeout(timeout.action);
  }

  async #onParkedTimeout(action: ParkedTimeout['action']): Promise<void> {
    switch (action) {
      case 'supersede':
        return this.#close('superseded');
      case 'retry':
        this.#ledger.countAutoRetry();
        this.#ledger.request(this.#ledger.dueAction, { by: 'auto-retry schedule' }, timestamp());
        return;
      case 'fail':
        await this.#giveUp();
    }
  }

  async #giveUp(): Promise<void> {
    const { failure } = this.#ledger.state;
    const isGivenUp = await this.#informed(() => this.#withdraw('compensated'));
    if (!isGivenUp || this.#ledger.hasNewer || this.#wasReset()) return;
    const message = `given up after ${this.#policy.parkedLimitMs} ms parked: ${failure?.message ?? ''}`;
    throw ApplicationFailure.nonRetryable(message, failure?.type ?? FAILURE_TYPES.internal, this.#ledger.result());
  }

  /** Cancelled by an operator: the event is given up and taken back; what came meanwhile goes on in a new run. */
  async #abandon(): Promise<void> {
    this.#noteFirstCalls();
    if (this.#ledger.state.status === 'pending' && this.#isFirstAttempt)
      this.#ledger.noteUnanswered(Date.now() + this.#policy.lateCommitMs);
    do await this.#informed(() => this.#giveUpWhatIsOpen());
    while (this.#wasReset());
  }

  async #giveUpWhatIsOpen(): Promise<void> {
    const ledger = this.#ledger;
    // The cancellation may be from before the reset: what other runs took in since is not meant by it.
    if (this.#wasReset()) await this.#learnOfReset();
    const { status, overtaken } = ledger.state;
    if (status === 'parked' && overtaken) this.#close('compensated');
    else if (status === 'pending' || status === 'parked') await this.#withdraw('compensated');
    if (!ledger.hasNewer && ledger.state.status !== 'parked') await this.#mendAtOnce();
    if (ledger.hasNewer) await this.#continueAsNew();
    const { failure } = ledger.state;
    if (ledger.state.status !== 'parked' || this.#wasReset()) return;
    const message = `cancelled, but undoing failed: ${failure?.compensationFailure ?? ''}`;
    throw ApplicationFailure.nonRetryable(message, FAILURE_TYPES.compensationFailed, ledger.result());
  }

  /** Nothing is open: late writes are waited for, then late events. @returns false when there is more to do */
  async #isSettled(): Promise<boolean> {
    const lateMs = this.#ledger.lateUntilMs();
    const woken = (): boolean => this.#hasNews();
    if (lateMs !== undefined) {
      if (!(await this.#wokenBefore(woken, lateMs, LATE_LOOK))) await this.#mendLateWrites(lateMs);
      return false;
    }
    if (!this.#lingers) return !this.#hasNews();
    const lingerEndMs = Date.now() + this.#policy.resumedLingerMs;
    return !(await this.#wokenBefore(woken, lingerEndMs, 'linger for late events of this edge'));
  }

  /** The time of late writes is over: what they may have done is mended. */
  async #mendLateWrites(lateMs: number): Promise<void> {
    const ledger = this.#ledger;
    const isMended = await this.#makeStandWhatShould(true);
    ledger.dropLate(lateMs);
    if (!isMended) return;
    ledger.noteWritten(false);
    // Applied already, and parked only because that could not be mended before.
    const isParked = ledger.state.status === 'parked' && ledger.state.decision === undefined;
    if (isParked && ledger.isStanding) this.#close('applied');
    else this.#publish();
  }

  /** @returns false when that failed, and the event is parked for it */
  async #makeStandWhatShould(isAside: boolean): Promise<boolean> {
    const ledger = this.#ledger;
    const { event, status, failure: known } = ledger.state;
    const { failure } = await restore(event, { ...this.#undoContext(), isApplied: status === 'applied' });
    if (!failure) return true;
    const { type, message } = failure;
    const view = known ?? { type, message, step: 'look for a late write', undone: [] };
    ledger.noteWritten(true);
    ledger.park({ ...view, compensationFailure: `${type}: ${message}` }, Date.now(), isAside);
    this.#publish();
    return false;
  }

  async #mendAtOnce(): Promise<void> {
    const lateMs = this.#ledger.lateUntilMs();
    if (lateMs === undefined) return;
    if (!(await this.#newerComesBefore(lateMs))) await this.#mendLateWrites(lateMs);
  }

  async #newerComesBefore(atMs: number): Promise<boolean> {
    return this.#wokenBefore(() => this.#ledger.hasNewer, atMs, LATE_LOOK);
  }

  /** @param atMs for ever when undefined */
  async #wokenBefore(woken: () => boolean, atMs: number | undefined, summary: string | undefined): Promise<boolean> {
    if (woken()) return true;
    if (atMs === undefined) {
      await condition(woken);
      return true;
    }
    const inTime = await condition(woken, Math.max(1, atMs - Date.now()), summary === undefined ? {} : { summary });
    // A reset may take the run back to the very task that its time was over in.
    return inTime || woken();
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

  #undoContext() {
    const { beganMs: sinceMs, stands } = this.#ledger;
    return { runner: this.#runner, sinceMs, stands };
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
   * message comes before it closes the run, is made again from its beginning, and what its calls did is not known.
   */
  async #hasLostCalls(): Promise<boolean> {
    const name = 'was an earlier attempt lost with its workflow task?';
    try {
      return (await this.#runner.runFast({ name, call: { activity: 'hasFailedTask', input: null } })) !== false;
    } catch {
      return true;
    }
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
  async #learnOfReset(): Promise<void> {
    this.#resetMark = resetMark();
    this.#run = undefined;
    await this.#askOtherRuns();
  }

  /** @throws the failure `StaleRun` when they know more. Where they cannot be asked, the next write asks. */
  async #askOtherRuns(): Promise<void> {
    try {
      await this.#runner.runCompensation({ activity: 'checkRun', input: null }, 'what do other runs know?');
    } catch (error) {
      if (isCancellation(error) || stepFailureOf(error).type === FAILURE_TYPES.staleRun) throw error;
    }
  }

  /** Does the work, and again when it finds that other runs know more, and that was taken over. */
  async #informed<Result>(work: () => Promise<Result>): Promise<Result> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        this.#adopt(error);
      }
    }
  }

  /** Takes over what the edge's other runs know, where that is what a failure tells; throws any other. */
  #adopt(error: unknown): void {
    const { type, detail } = stepFailureOf(error);
    if (type !== FAILURE_TYPES.staleRun) throw error;
    const run: unknown = typeof detail === 'object' && detail !== null ? Reflect.get(detail, 'run') : undefined;
    this.#run = typeof run === 'string' ? run : undefined;
    this.#ledger.adopt(readEdgeState(detail) ?? {}, workflowInfo().startTime.getTime());
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
    const edge = this.#ledger.edgeState();
    // A run that closes before anything changes, or is ended from outside, must be readable all the same.
    const continueWithMemo = makeContinueAsNewFunc<SocialEventWorkflow>(edge ? { memo: { [EDGE_MEMO]: edge } } : {});
    return continueWithMemo({ ...input, event: state.event, carried: state });
  }
}

const LATE_LOOK = 'looks for a late write before it closes';
const NO_FAILURE: EventFailureView = { type: FAILURE_TYPES.internal, message: 'given up', step: '', undone: [] };
const timestamp = (): string => new Date().toISOString();
