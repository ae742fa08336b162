import {
  ActivityFailure,
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  log,
  metricMeter,
  patched,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { TASK_QUEUES } from '../../contracts/shared/names.ts';
import type { SessionPolicy } from '../../contracts/sessions/session-limits.ts';
import { activeStreamsKey } from '../../contracts/shared/search-attributes.ts';
import {
  ACCOUNT_CLOSING,
  acquireUpdate,
  evictUpdate,
  heartbeatSignal,
  releaseSignal,
  sessionsQuery,
  HEARD_AT_MEMO,
  SESSIONS_VIEW,
  switchContentUpdate,
  viewUpdate,
  type AcquireReply,
  type AcquireRequest,
  type SessionsView,
  type StreamSessionsInput,
  type StreamWatchActivities,
} from '../../contracts/sessions/stream-sessions.ts';
import { isUnknownPlan } from './session-admission.ts';
import { describeSessions } from './session-details.ts';
import {
  checkAcquire,
  checkEvict,
  checkSwitch,
  readAcquire,
  readEvict,
  usableBeats,
  usableReleases,
  type Usable,
} from './session-forms.ts';
import { readSessionsInput } from './session-input.ts';
import { SessionLedger } from './session-ledger.ts';

/** Temporal allows 10,000 signals a run and suggests to continue for updates and events, but not for signals [server 1.29]. */
const DEFAULT_CONTINUE_AFTER_MESSAGES = 5_000;

const acquires = metricMeter.createCounter('stream_sessions_acquires_total', 'acquire', 'Acquires by outcome');
const shadowRefusals = metricMeter.createCounter(
  'stream_sessions_shadow_refusals_total',
  'acquire',
  'Acquires that were judged anew and that the shadow policy would have refused',
);

const unknownPlans = metricMeter.createCounter(
  'stream_sessions_unknown_plans_total',
  'acquire',
  'Acquires of a plan that the policy does not name: they have the general caps',
);

const telling = {
  taskQueue: TASK_QUEUES.streamWatchers,
  startToCloseTimeout: 5_000,
  retry: { initialInterval: 200, maximumInterval: 10_000 },
  summary: 'tells the gateways which streams ended',
};
/** Attempts cost no history. Given up after a time in which every watcher has asked the account anew. */
const watchers = proxyActivities<StreamWatchActivities>({ ...telling, scheduleToCloseTimeout: '15 minutes' });
/** An account that is being cancelled grants nothing until it is closed, so it does not wait long; gateways look themselves. */
const watchersOfClosing = proxyActivities<StreamWatchActivities>({ ...telling, scheduleToCloseTimeout: 5_000 });

/**
 * The streams of one account, for as long as there are any. All handlers are synchronous, so each message is decided in one
 * piece and in the order of its arrival; the loop only wakes for the earliest end, for closing and for continuing as new.
 */
export async function streamSessions(argument: unknown): Promise<void> {
  await new SessionsRun(readSessionsInput(argument)).run();
}

/** What the one timer waits for. */
interface Wake {
  readonly atMs: number;
  readonly summary: string;
}

class SessionsRun {
  readonly #input: StreamSessionsInput;
  readonly #ledger: SessionLedger;
  readonly #continueAfter: number;
  /** Asked once and first of all, so that a run that began without goes on without. */
  readonly #holds = patched('sessions-that-hold');
  /** A patch costs two events. */
  readonly #notesSignals = this.#holds || patched('note-signals');
  readonly #account = CancellationScope.current();
  #messages = 0;
  /** The latest signal that could not be used, in words. */
  #ignored: string | undefined;
  /** What the timer that is set waits for. */
  #armed: (Wake & { readonly setAtMs: number }) | undefined;
  /** A message calls for another timer, or for the next run. */
  #woken = false;
  #shownSlots = workflowInfo().typedSearchAttributes.get(activeStreamsKey);

  constructor(input: StreamSessionsInput) {
    this.#input = input;
    this.#ledger = new SessionLedger(Date.now(), input.carried, this.#holds ? 'present' : 'first');
    this.#continueAfter = Math.min(input.continueAfterMessages ?? Infinity, DEFAULT_CONTINUE_AFTER_MESSAGES);
    // What waits for the first task is handled when its handler is registered, whatever came first: a release that was accepted before an
    // acquire was sent must be known to it. The other way round, the stream is over as well.
    if (this.#holds) this.#registerSignals();
    this.#registerUpdates();
    if (!this.#holds) this.#registerSignals();
    setHandler(sessionsQuery, () => this.#view(), { description: 'Active and lately ended streams' });
  }

  async run(): Promise<void> {
    try {
      await Promise.race([this.#live(), this.#announceEnds()]);
    } catch (error) {
      if (isCancellation(error)) await CancellationScope.nonCancellable(() => this.#endAll());
      throw error;
    }
  }

  /** Whoever cancels an account ends its streams, and their players shall hear of it. */
  async #endAll(): Promise<void> {
    this.#ledger.evict({ reason: 'the account was cancelled' }, Date.now());
    this.#publish();
    await this.#announce(watchersOfClosing);
  }

  async #live(): Promise<void> {
    // Messages that came before this run began are handled by now, as handlers are registered: their beats count.
    for (;;) {
      this.#woken = false;
      this.#ledger.advance(Date.now());
      this.#publish();
      if (this.#mustContinue()) return this.#continue();
      const wake = this.#nextWake();
      this.#armed = wake && { ...wake, setAtMs: Date.now() };
      if (!wake) {
        await condition(() => this.#woken || this.#nextWake() !== undefined);
        continue;
      }
      const remainingMs = wake.atMs - Date.now();
      if (remainingMs <= 0 && this.#isIdle()) return;
      await condition(() => this.#woken, Math.max(remainingMs, 1), { summary: wake.summary });
    }
  }

  #registerUpdates(): void {
    const ledger = this.#ledger;
    setHandler(
      acquireUpdate,
      (request, policy) => {
        const wish = readAcquire(request);
        if (isUnknownPlan(policy, wish.plan)) unknownPlans.add(1);
        return this.#onMessage(() => counted(ledger.acquire(wish, policy, Date.now())));
      },
      {
        validator: (request: AcquireRequest, policy: SessionPolicy) => {
          checkAcquire(request, policy);
          // What it grants now would be gone with it in a moment, and its player would not know.
          if (this.#account.consideredCancelled)
            throw ApplicationFailure.create({ type: ACCOUNT_CLOSING, message: 'the account is being cancelled' });
        },
        description: 'Takes a slot for a stream, or answers which streams are in the way',
      },
    );
    setHandler(switchContentUpdate, (request) => this.#onMessage(() => ledger.switchContent(request, Date.now())), {
      validator: checkSwitch,
      description: 'Another content for a stream: {"streamId": "...", "contentId": "..."}',
    });
    setHandler(evictUpdate, (request) => this.#onMessage(() => ledger.evict(readEvict(request), Date.now())), {
      validator: checkEvict,
      description: 'Ends streams: {"streamIds": ["..."], "by": "...", "reason": "..."}; without ids, all',
    });
    setHandler(viewUpdate, () => this.#refuseWithView(), {
      validator: () => this.#refuseWithView(),
      description: 'Active and lately ended streams, as a refusal: see contracts/sessions/stream-sessions.ts',
    });
  }

  #registerSignals(): void {
    const ledger = this.#ledger;
    setHandler(
      heartbeatSignal,
      (beats) => {
        this.#onSignal(() => ledger.heartbeat(this.#take('heartbeat', usableBeats(beats)), Date.now()));
      },
      { description: 'Extends streams: [{"streamId": "..."}]' },
    );
    setHandler(
      releaseSignal,
      (releases) => {
        this.#onSignal(() => ledger.release(this.#take('release', usableReleases(releases)), Date.now()));
      },
      { description: 'Ends streams: [{"streamId": "..."}]' },
    );
  }

  /** What a signal held that could be used; the rest is shown to operators, as nobody else would know. */
  #take<Item>(signal: string, { items, ignored }: Usable<Item>): readonly Item[] {
    if (ignored !== undefined) this.#ignored = `of a signal ${signal} at ${new Date().toISOString()}, ${ignored}`;
    return items;
  }

  #view(): SessionsView {
    return { at: new Date().toISOString(), ...this.#ledger.view() };
  }

  #refuseWithView(): never {
    throw ApplicationFailure.create({ type: SESSIONS_VIEW, message: 'not to be done', details: [this.#view()] });
  }

  #onMessage<Answer>(decide: () => Answer): Answer {
    this.#messages++;
    const answer = decide();
    this.#publish();
    // Decided here and not in the loop's conditions: these are evaluated in every task, also in one that only refuses a message.
    // Nothing of it is in the history, so a timer that was moved then would be missing when the account is replayed.
    if (this.#mustContinue() || this.#mustRearm()) this.#woken = true;
    return answer;
  }

  /**
   * Each signal leaves an event of ours behind. A task without any that is followed by another task (one that refused a read,
   * say) is taken for a part of that by the SDK's replay, which then shows its signals the time of the later task [SDK 1.24:
   * find_end_index_of_next_wft_seq]: leases would end later than they did, and the account could not be replayed.
   */
  #onSignal(decide: () => unknown): void {
    const shownSlots = this.#shownSlots;
    this.#onMessage(decide);
    if (this.#notesSignals && this.#shownSlots === shownSlots)
      upsertMemo({ [HEARD_AT_MEMO]: new Date().toISOString() });
  }

  #mustContinue(): boolean {
    return this.#messages >= this.#continueAfter || workflowInfo().continueAsNewSuggested || this.#timeStandsStill();
  }

  /**
   * The time of a run never goes back [SDK 1.24: `set_current_time`]: when Temporal's clock was ahead and is set right, it
   * stands still until that has caught up, and no lease ends. A new run begins by the right clock. Known by a timer that was
   * set in an earlier task at this very moment.
   */
  #timeStandsStill(): boolean {
    return this.#holds && this.#armed?.setAtMs === Date.now();
  }

  async #continue(): Promise<never> {
    await condition(allHandlersFinished);
    return continueAsNew<typeof streamSessions>({ ...this.#input, carried: this.#ledger.snapshot() });
  }

  #isIdle(): boolean {
    return this.#ledger.nextEndMs() === undefined && allHandlersFinished();
  }

  /** Tells whoever watches streams of ends it cannot know; nothing else waits for that. */
  async #announceEnds(): Promise<never> {
    for (;;) {
      await condition(() => this.#ledger.notices().length > 0);
      await this.#announce();
    }
  }

  async #announce(told = watchers): Promise<void> {
    const ends = this.#ledger.notices();
    if (ends.length === 0) return;
    try {
      await told.streamsEnded(ends);
    } catch (error) {
      if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
      log.warn('no gateway took note of ended streams', { ends: ends.length });
    }
    this.#ledger.dropNotices(ends);
  }

  /** Nothing while only notices are left: an account closes when they are told. */
  #nextWake(): Wake | undefined {
    const endMs = this.#ledger.nextEndMs();
    if (endMs !== undefined) return { atMs: endMs, summary: 'the earliest end of a lease' };
    if (this.#ledger.notices().length > 0) return undefined;
    return { atMs: this.#ledger.idleAtMs(), summary: 'no streams: closes by itself' };
  }

  /**
   * The timer must be set earlier when something ends earlier. Later is a matter of cost: a fired timer with its task is five
   * events, a new timer in a task that runs anyway is two. So it is moved when less than half of the wait would be left.
   */
  #mustRearm(): boolean {
    const armed = this.#armed;
    if (!armed) return false;
    const next = this.#nextWake();
    if (!next) return true;
    const nowMs = Date.now();
    return next.atMs < armed.atMs || 2 * (armed.atMs - nowMs) < next.atMs - nowMs;
  }

  /** Shows the state in the Web UI; the attribute is written only when it changes, as each write is an event. */
  #publish(): void {
    const slots = this.#ledger.slots();
    if (slots !== this.#shownSlots) {
      this.#shownSlots = slots;
      upsertSearchAttributes([{ key: activeStreamsKey, value: slots }]);
    }
    setCurrentDetails(describeSessions(this.#ledger.view(), this.#ignored));
  }
}

function counted(reply: AcquireReply): AcquireReply {
  const outcome = reply.outcome === 'granted' && reply.repeated ? 'repeated' : reply.outcome;
  acquires.add(1, { outcome });
  if ('shadowRefused' in reply) shadowRefusals.add(1);
  return reply;
}
