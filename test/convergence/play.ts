import assert from 'node:assert/strict';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { WorkflowNotFoundError, type WorkflowExecutionDescription } from '@temporalio/client';
import { readEdge } from '../../bridge/other-runs.ts';
import { backoffMs } from '../../contracts/shared/backoff.ts';
import { eventWorkflowId, type EdgeState } from '../../contracts/events/event-workflow.ts';
import { eventStatusKey } from '../../contracts/shared/search-attributes.ts';
import { isEdgeEvent, type EdgeEvent, type SocialEvent } from '../../contracts/events/social-event.ts';
import { keep } from './keep.ts';
import { operate, request, type Licence } from './operations.ts';
import { faultsOfPost } from './post-verdict.ts';
import { STRANGER } from './schedule-events.ts';
import type { Delivery, Phase, Schedule } from './schedule.ts';
import type { Operation } from './schedule-operations.ts';
import type { Stage } from './stage.ts';
import { activityIdOf, type EdgeStanding, type Standing } from './standing.ts';
import { Trouble } from './trouble.ts';
import type { CallRecord, Watch } from './troubled-stream.ts';
import { faultsOf, type GivingUp, type Taken } from './verdict.ts';

/** With ever longer pauses, or a busy machine would be kept from every start by those that came too late. */
const START_BACKOFF = { initialMs: 200, maximumMs: 5_000 };
/** Far more than any schedule takes, and less than the time-out of the whole test. */
const LONGEST_LIFE_MS = 400_000;
/** How often it is asked whether an event is parked. */
const LOOK_EVERY_MS = 700;
/** Retries of a parked event before GetStream is left in peace, and before it is given up. */
const TROUBLED_RETRIES = 2;
const MOST_RETRIES = 4;
/** How long an operation waits for an event to park, and how often it looks. */
const LONGEST_AIM_MS = 3_000;
const AIM_EVERY_MS = 250;
const noAbort = new AbortController().signal;

/** Plays a schedule to its end. @returns what is wrong then, nothing when all is well */
export async function play(schedule: Schedule, stage: Stage): Promise<string[]> {
  const performance = new Performance(schedule, stage);
  let faults: string[] = ['could not be played'];
  try {
    faults = await performance.play();
    return faults;
  } finally {
    const directory = process.env['CONVERGENCE_KEEP'];
    if (directory !== undefined && faults.length > 0)
      await performance.keep(path.join(directory, String(schedule.seed)));
  }
}

/** One schedule on the stage, and everything that is seen of it. */
class Performance {
  readonly #schedule: Schedule;
  readonly #stage: Stage;
  readonly #watches = new Map<string, Watch>();
  readonly #before: Standing | undefined;
  readonly #taken = new Map<EdgeEvent, Taken>();
  readonly #licences = new Map<string, Licence[]>();
  readonly #retries = new Map<string, number>();
  /** Events that a run took in. */
  readonly #known = new Set<SocialEvent>();
  #epoch = 0;

  constructor(schedule: Schedule, stage: Stage) {
    this.#schedule = schedule;
    this.#stage = stage;
    const { edge, posts, trouble } = schedule;
    for (const [index, event] of [...edge.slice(0, 1), ...posts].entries()) {
      const own = new Trouble({ ...trouble, seed: trouble.seed + index });
      this.#watches.set(eventWorkflowId(event), stage.stream.watch(eventWorkflowId(event), event, own));
    }
    this.#before = this.#makeWhatStoodBefore();
  }

  async play(): Promise<string[]> {
    for (const phase of this.#schedule.phases) {
      if (phase.awaitClose) await this.#settle();
      await this.#perform(phase);
    }
    await this.#settle();
    let edge = await this.#describe(this.#first);
    if (this.#schedule.wakes && edge && isCutShort(edge)) {
      await this.#deliver({ event: this.#first, starter: 0, atMs: 0, answerLost: false });
      await this.#settle();
      edge = await this.#describe(this.#first);
    }
    for (const watch of this.#watches.values()) await this.#stage.stream.quiet(watch);
    const faults = edge ? await this.#edgeFaults(edge) : [];
    for (const post of this.#schedule.posts) faults.push(...(await this.#postFaults(post)));
    return faults;
  }

  /** See `keep`. */
  keep(directory: string): Promise<void> {
    return keep(directory, this.#schedule, this.#stage, this.#watches);
  }

  get #first(): EdgeEvent {
    const [event] = this.#schedule.edge;
    assert.ok(event);
    return event;
  }

  async #perform({ deliveries, operations }: Phase): Promise<void> {
    await Promise.all([
      ...deliveries.map((delivery) => this.#deliver(delivery)),
      ...operations.map((operation) => this.#operate(operation)),
    ]);
  }

  async #deliver({ event, starter, atMs, answerLost, repeats }: Delivery): Promise<void> {
    await sleep(atMs);
    // An event that a closed run had overtaken left nothing behind that its id could be known by.
    if (repeats && !this.#known.has(repeats)) return;
    if (isEdgeEvent(event) && !repeats && !this.#taken.has(event))
      this.#taken.set(event, { event, atMs: performance.now(), epoch: this.#epoch });
    await this.#startPatiently(event, starter);
    if (answerLost) await this.#startPatiently(event, starter + 1);
  }

  /** As the bridge does: until it is durable. */
  async #startPatiently(event: SocialEvent, starter: number): Promise<void> {
    for (let failures = 1; ; failures++) {
      try {
        const outcome = await this.#stage.bridges.starter(starter, this.#schedule.policy).start(event, noAbort);
        if (outcome !== 'deduplicated') this.#known.add(event);
        return;
      } catch {
        await sleep(backoffMs(START_BACKOFF, failures));
      }
    }
  }

  async #operate(operation: Operation): Promise<void> {
    await sleep(operation.atMs);
    if (operation.awaitParked) await this.#untilParked(operation.on);
    const licence = await operate(operation, this.#stage);
    const { name } = operation.act;
    // Whatever was sure before may have been taken back with the run it was done to, or by a retry of what could not be undone.
    if (name === 'reset' || name === 'terminate' || name === 'cancel' || name === 'retry')
      this.#forgetWhatIsSure(operation.on);
    if (licence) this.#note(operation.on, licence);
  }

  async #untilParked(event: SocialEvent): Promise<void> {
    for (const deadline = performance.now() + LONGEST_AIM_MS; performance.now() < deadline;) {
      const run = await this.#describe(event);
      if (run?.typedSearchAttributes.get(eventStatusKey) === 'parked') return;
      await sleep(AIM_EVERY_MS);
    }
  }

  #note(event: SocialEvent, licence: Licence): void {
    const id = eventWorkflowId(event);
    this.#licences.set(id, [...(this.#licences.get(id) ?? []), licence]);
  }

  #forgetWhatIsSure(event: SocialEvent): void {
    const id = eventWorkflowId(event);
    const unsure = (this.#licences.get(id) ?? []).map(({ by, beforeMs }): Licence => ({ by, beforeMs }));
    this.#licences.set(id, unsure);
  }

  /** No run is open: an operator releases what is parked. */
  async #settle(): Promise<void> {
    const events: SocialEvent[] = [this.#first, ...this.#schedule.posts];
    await Promise.all(events.map((event) => this.#settleOne(event)));
    const edge = await this.#describe(this.#first);
    // What a run that was cut short left meets the events that come after it.
    if (edge && !isCutShort(edge)) this.#epoch++;
  }

  async #settleOne(event: SocialEvent): Promise<void> {
    for (const deadline = performance.now() + LONGEST_LIFE_MS; ;) {
      const run = await this.#describe(event);
      if (!run || (run.status.name !== 'RUNNING' && run.status.name !== 'CONTINUED_AS_NEW')) return;
      const status = run.typedSearchAttributes.get(eventStatusKey);
      if (status === 'parked') await this.#release(event);
      if (performance.now() > deadline)
        throw new Error(`${run.workflowId} (${run.runId}) does not close: ${String(status)}`);
      await sleep(LOOK_EVERY_MS);
    }
  }

  async #release(event: SocialEvent): Promise<void> {
    const id = eventWorkflowId(event);
    const retries = (this.#retries.get(id) ?? 0) + 1;
    this.#retries.set(id, retries);
    if (retries > TROUBLED_RETRIES) this.#watches.get(id)?.trouble.calm();
    try {
      const name = retries % (MOST_RETRIES + 1) === 0 ? 'skip' : 'retry';
      const licence = await request(this.#stage.handle(event), name);
      if (name === 'retry') this.#forgetWhatIsSure(event);
      if (licence) this.#note(event, licence);
    } catch {
      // Closed meanwhile, or it has no worker just now: it is looked at again.
    }
  }

  async #describe(event: SocialEvent): Promise<WorkflowExecutionDescription | undefined> {
    try {
      return await this.#stage.handle(event).describe();
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    }
  }

  async #edgeFaults(run: WorkflowExecutionDescription): Promise<string[]> {
    const watch = this.#watches.get(run.workflowId);
    assert.ok(watch);
    const licences = this.#licences.get(run.workflowId) ?? [];
    const belief: EdgeState = await readEdge(this.#stage.client, run);
    const activityIds = new Map(this.#schedule.posts.map((post) => [post.foreignId, activityIdOf(post)]));
    return faultsOf({
      taken: [...this.#taken.values()],
      givingUps: licences.flatMap(asGivingUp).concat(this.#limits()),
      belief,
      isCutShort: isCutShort(run),
      before: edgeStanding(this.#before),
      end: edgeStanding(watch.standing),
      changes: watch.writes.map(({ call, committedMs, found, before, after }) => ({
        beganMs: call.beganMs,
        committedMs,
        activity: call.activity,
        input: call.input,
        found: edgeStanding(found),
        before: edgeStanding(before),
        after: edgeStanding(after),
      })),
      answered: watch.calls.flatMap((call) => {
        const { beganMs, endedMs, activity, input, answer } = call;
        const isKnown = answer && endedMs !== undefined && !isForgotten(call, watch.calls);
        return isKnown ? [{ beganMs, endedMs, activity, input }] : [];
      }),
      activityIds,
    });
  }

  async #postFaults(event: Schedule['posts'][number]): Promise<string[]> {
    const run = await this.#describe(event);
    if (!run) return [];
    const id = eventWorkflowId(event);
    const licences = this.#licences.get(id) ?? [];
    return faultsOfPost({
      event,
      status: run.typedSearchAttributes.get(eventStatusKey),
      isCutShort: licences.some(({ by }) => by === 'terminate' || (by === 'cancel' && run.status.name === 'FAILED')),
      givingUps: licences.flatMap(asGivingUp).concat(this.#limits()),
      end: this.#watches.get(id)?.standing,
    });
  }

  #limits(): GivingUp[] {
    return this.#schedule.policy.parkedLimitMs === undefined ? [] : [{ by: 'limit', beforeMs: Infinity }];
  }

  #makeWhatStoodBefore(): Standing | undefined {
    const { model } = this.#stage.stream;
    const event = this.#first;
    const { before } = this.#schedule;
    if (before === 'a follow of old' && event.kind === 'follow')
      model.feeds.follow(event.source, event.target, 1, model.feeds.clock() - 3_600_000_000);
    if (before === "a stranger's reaction" && event.kind === 'reaction') {
      const { reactionId: id, activityId } = event;
      model.reactions.add({ id, kind: 'Like', activity_id: activityId, user_id: STRANGER, target_feeds: [] });
    }
    return this.#watches.get(eventWorkflowId(event))?.standing;
  }
}

/**
 * Made inside a workflow task that failed, with which its answer was lost: the task was done again from its beginning, so that this
 * call, or one before it in the same task, was made once more.
 */
function isForgotten(call: CallRecord, calls: readonly CallRecord[]): boolean {
  const isRepeated = (first: CallRecord, again: CallRecord): boolean =>
    first.runId === again.runId &&
    first.activity === again.activity &&
    (first.activity === 'requireParent' || isDeepStrictEqual(first.input, again.input));
  const local = calls.filter(({ isLocal }) => isLocal);
  const before = local.filter(({ beganMs }) => beganMs <= call.beganMs);
  const after = local.filter(({ beganMs }) => beganMs > call.beganMs);
  return call.isLocal && after.some((again) => before.some((first) => isRepeated(first, again)));
}

/** Terminated, or cancelled while its undo failed: the edge's next event takes along what was open then. */
function isCutShort({ status }: WorkflowExecutionDescription): boolean {
  return status.name === 'TERMINATED' || status.name === 'FAILED';
}

/** A terminated event is not given up: the next run takes it along. */
function asGivingUp({ by, beforeMs, event }: Licence): GivingUp[] {
  if (by === 'terminate') return [];
  return [{ by, beforeMs, ...(event && isEdgeEvent(event) ? { event } : {}) }];
}

function edgeStanding(standing: Standing | undefined): EdgeStanding | undefined {
  return standing?.is === 'activity' ? undefined : standing;
}
