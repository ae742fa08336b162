import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { createStreamActivities, type EventDirectory } from '../../activities/stream-activities.ts';
import type { StreamActivities } from '../../activities/types.ts';
import type { SocialEvent } from '../../contracts/events/social-event.ts';
import { clientOver, type CarriedAnswer } from './model-client.ts';
import { ModelError } from './model-errors.ts';
import { standingAt, type Standing } from './standing.ts';
import { StreamModel, type ModelRequest } from './stream-model.ts';
import type { Outcome, Trouble } from './trouble.ts';

/** One attempt of an activity. Times are those of `performance.now()`, milliseconds. */
export interface CallRecord {
  readonly activity: keyof StreamActivities;
  readonly input: unknown;
  readonly runId: string;
  /** Made inside a workflow task, which forgets it when it fails. */
  readonly isLocal: boolean;
  readonly beganMs: number;
  endedMs?: number;
  /** What it answered, or how it failed. */
  answer?: { readonly value: unknown };
  failure?: string;
}

/** One write that was carried out. */
export interface WriteRecord {
  readonly call: CallRecord;
  readonly request: string;
  readonly committedMs: number;
  /** What stood when it was sent, and just before and after it was carried out. */
  readonly found: Standing | undefined;
  readonly before: Standing | undefined;
  readonly after: Standing | undefined;
}

/** What one workflow did to GetStream. */
export class Watch {
  readonly calls: CallRecord[] = [];
  readonly writes: WriteRecord[] = [];
  readonly event: SocialEvent;
  readonly trouble: Trouble;
  readonly #model: StreamModel;
  inFlight = 0;

  constructor(model: StreamModel, event: SocialEvent, trouble: Trouble) {
    this.#model = model;
    this.event = event;
    this.trouble = trouble;
  }

  get standing(): Standing | undefined {
    return standingAt(this.#model, this.event);
  }
}

interface LateCommit {
  readonly watch: Watch;
  readonly dueMs: number;
  readonly commit: () => void;
}

export interface TroubledStreamOptions {
  /** Time-outs of the two clients, milliseconds: of first attempts, and of attempts Temporal schedules. */
  readonly quickMs: number;
  readonly patientMs: number;
  /** When a call that is stuck ends after all: after its attempt's own time-out. */
  readonly stuckMs: number;
}

/** GetStream as the worker meets it: the model behind a network that loses, delays and refuses, by seed for each workflow. */
export class TroubledStream {
  readonly model = new StreamModel();
  readonly #options: TroubledStreamOptions;
  readonly #watches = new Map<string, Watch>();
  readonly #current = new AsyncLocalStorage<{ readonly watch: Watch; readonly call: CallRecord }>();
  #late: LateCommit[] = [];

  constructor(options: TroubledStreamOptions) {
    this.#options = options;
  }

  /** From now on what the workflow does is troubled, and recorded. */
  watch(workflowId: string, event: SocialEvent, trouble: Trouble): Watch {
    const watch = new Watch(this.model, event, trouble);
    this.#watches.set(workflowId, watch);
    return watch;
  }

  /** By workflow id. */
  get watches(): ReadonlyMap<string, Watch> {
    return this.#watches;
  }

  /** The real activities over the real client. */
  activities(events: EventDirectory): StreamActivities {
    const client = (timeoutMs: number) => clientOver((request, ms) => this.#carry(request, ms), timeoutMs);
    const { quickMs, patientMs } = this.#options;
    const real = createStreamActivities({ quick: client(quickMs), patient: client(patientMs) }, events);
    const recorded = Object.entries(real).map(([name, activity]) => [name, this.#recorded(name, activity)]);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same names, each with its own activity
    return Object.fromEntries(recorded) as StreamActivities;
  }

  /** Nothing of the workflow is under way any more, nor will be carried out late. */
  async quiet(watch: Watch): Promise<void> {
    while (watch.inFlight > 0 || this.#late.some((late) => late.watch === watch)) {
      await sleep(20);
      this.#settle();
    }
  }

  // oxlint-disable-next-line typescript/no-explicit-any -- inputs differ from one activity to the next and are passed on as they are
  #recorded(name: string, activity: (input: any) => Promise<unknown>): (input: unknown) => Promise<unknown> {
    return async (input) => {
      const { workflowExecution, isLocal } = Context.current().info;
      const watch = this.#watches.get(workflowExecution?.workflowId ?? '');
      if (!watch || !workflowExecution) return activity(input);
      const call: CallRecord = {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one of their names
        activity: name as keyof StreamActivities,
        input,
        runId: workflowExecution.runId,
        isLocal,
        beganMs: performance.now(),
      };
      watch.calls.push(call);
      watch.inFlight++;
      try {
        const value = await this.#current.run({ watch, call }, () => activity(input));
        call.answer = { value };
        return value;
      } catch (error) {
        call.failure = String(error);
        throw error;
      } finally {
        call.endedMs = performance.now();
        watch.inFlight--;
      }
    };
  }

  async #carry(request: ModelRequest, timeoutMs: number): Promise<CarriedAnswer> {
    const current = this.#current.getStore();
    if (!current) return this.model.answer(request);
    this.#settle();
    const { watch, call } = current;
    const { trouble } = watch;
    const found = watch.standing;
    const sentMs = performance.now();
    const timedOut = (): Error => new Error(`timeout of ${timeoutMs}ms exceeded`);
    const commit = (copyCap?: number): CarriedAnswer => {
      if (request.method === 'GET') return this.model.answer(request);
      const before = watch.standing;
      const answer = this.model.answer(request, copyCap === undefined ? {} : { copyCap });
      const name = `${request.method} ${request.path}`;
      const committedMs = performance.now();
      watch.writes.push({ call, request: name, committedMs, found, before, after: watch.standing });
      return answer;
    };
    const outcome = trouble.next();
    await sleep(trouble.pauseMs());
    switch (outcome.is) {
      case 'answered': {
        const answer = commit(outcome.copyCap);
        await sleep(trouble.pauseMs());
        if (performance.now() - sentMs > timeoutMs) throw timedOut();
        return answer;
      }
      case 'refused':
        return refusal(outcome.status);
      case 'unanswered': {
        const noticedMs =
          outcome.as === 'timeout' ? Math.max(performance.now(), sentMs + timeoutMs) : performance.now();
        this.#commitLater(watch, outcome, noticedMs, commit);
        if (outcome.as === 'timeout') {
          await sleep(noticedMs - performance.now());
          throw timedOut();
        }
        if (outcome.as === 'reset') throw new Error('socket hang up');
        return { status: outcome.as, body: { detail: 'Bad Gateway' } };
      }
      case 'stuck':
        this.#commitLater(watch, outcome, sentMs, commit);
        await sleep(this.#options.stuckMs);
        throw timedOut();
    }
  }

  #commitLater(watch: Watch, { lateMs }: { lateMs: number | undefined }, sinceMs: number, commit: () => void): void {
    if (lateMs === undefined) return;
    if (lateMs === 0) return commit();
    this.#late.push({ watch, dueMs: sinceMs + lateMs, commit });
    setTimeout(() => this.#settle(), sinceMs + lateMs - performance.now() + 1);
  }

  /** Late commits are carried out when they are due, and before anything else is asked, however late the timers of a busy machine are. */
  #settle(): void {
    const nowMs = performance.now();
    const due = this.#late.filter(({ dueMs }) => dueMs <= nowMs).toSorted((one, other) => one.dueMs - other.dueMs);
    this.#late = this.#late.filter(({ dueMs }) => dueMs > nowMs);
    for (const { commit } of due) commit();
  }
}

/** @throws Error when there was no connection */
function refusal(status: Extract<Outcome, { is: 'refused' }>['status']): CarriedAnswer {
  switch (status) {
    case 'no connection':
      throw new Error('connect ECONNREFUSED 127.0.0.1:443');
    case 403: {
      const { body } = new ModelError(403, 17, 'NotAllowedException', 'You do not have permission to do this.');
      return { status, body };
    }
    case 429: {
      const { body } = new ModelError(429, 9, 'RateLimitReached', 'Too many requests');
      return { status, body, headers: { 'x-ratelimit-reset': String(Math.ceil(Date.now() / 1000)) } };
    }
    case 500:
    case 503:
      return { status, body: { detail: 'Service Unavailable' } };
  }
}
