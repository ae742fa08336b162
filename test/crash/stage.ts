import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { createTemporalStarter } from '../../bridge/start-event.ts';
import type { StartOutcome } from '../../bridge/event-starter.ts';
import type { EventPolicy } from '../../contracts/events/event-policy.ts';
import { eventWorkflowId, type SocialEventWorkflow } from '../../contracts/events/event-workflow.ts';
import type { EventKind, EventStatus } from '../../contracts/shared/names.ts';
import { parseMessage } from '../../contracts/events/parse-message.ts';
import { reactionIdOf } from '../../contracts/events/reaction-id.ts';
import { eventStatusKey } from '../../contracts/shared/search-attributes.ts';
import { activityId } from '../../contracts/events/stream-activity-id.ts';
import { taskFailureIn } from '../chaos/run-records.ts';
import { eventually } from '../support/eventually.ts';
import { describeReaction, followedBy, ownActivities, standingReaction } from '../support/graph-check.ts';
import { pendingLateCommits, readEffects, type Effects } from '../support/stream-effects.ts';
import type { Lane } from './lane.ts';

/** Fits the settings of the lane's workers. */
const POLICY: Partial<EventPolicy> = {
  fastAttemptTimeoutMs: 2_000,
  attemptTimeoutMs: 3_000,
  retryInitialMs: 100,
  retryMaximumMs: 500,
  retryBudgetMs: 60_000,
  compensationBudgetMs: 60_000,
  lateCommitMs: 1_000,
  parentWaitMs: 5_000,
  resumedLingerMs: 2_000,
  copyConfirmAttempts: 1,
  copyRounds: 2,
};
/** Effects of repeated writes that changed nothing: how many there are is up to the kill. */
const REPEATS = ['activitiesOverwritten', 'followsRepeated', 'unfollowsRepeated', 'reactionConflicts'];
const PATIENCE = { timeoutMs: 90_000, intervalMs: 100 };
const CREATED_AT = Date.parse('2026-01-31T12:00:00Z');
const noAbort = new AbortController().signal;

/** How a case ended, without the ids that are its own. */
export interface Ending {
  /** `EventStatus` of each workflow, and how its run ended. */
  readonly events: Readonly<Record<string, string>>;
  /** What stands on GetStream, one line each. */
  readonly graph: readonly string[];
  readonly effects: Effects;
}

type Handle = WorkflowHandle<SocialEventWorkflow>;

/** What one case plays on: users, feeds and reactions of its own in a lane. */
export class Stage {
  readonly #lane: Lane;
  readonly #tag = randomUUID().slice(0, 8);
  readonly #users = new Set<string>();
  readonly #reactions = new Map<string, string>();
  readonly #activities = new Map<string, string>();
  readonly #workflows = new Set<string>();
  #sentMicros = Date.now() * 1_000;
  #effectsBefore: Effects = {};

  constructor(lane: Lane) {
    this.#lane = lane;
  }

  user(name: string): string {
    this.#users.add(name);
    return `${name}-${this.#tag}`;
  }

  /** Of a name; its `Data3`. */
  reaction(name: string): string {
    const data3 = `${name}-${this.#tag}`;
    this.#reactions.set(name, reactionIdOf(data3));
    return data3;
  }

  /** A message of a post of that user. */
  post(user: string) {
    const actor = this.user(user);
    const foreignId = `Post:${actor}-1`;
    const id = activityId(foreignId, CREATED_AT * 1_000);
    this.#activities.set(id, `post of ${user}`);
    const CreatedAt = new Date(CREATED_AT).toISOString();
    const body = { Actor: actor, Verb: 'Post', ObjectID: '1', FeedType: 'User', CreatedAt, ForeignID: foreignId };
    return { id, foreignId, body };
  }

  comment(user: string, parent: string) {
    const Actor = this.user(user);
    const Time = new Date(CREATED_AT).toISOString();
    const ForeignID = `Comment:${Actor}-2`;
    return { Actor, Verb: 'Comment', ObjectID: '2', FeedType: 'User', Time, ForeignID, ParentID: parent };
  }

  /** Made durable as the bridge does it, each later than the one before. */
  async start(
    kind: EventKind,
    body: object,
    policy: Partial<EventPolicy> = {},
  ): Promise<{ readonly outcome: StartOutcome; readonly handle: Handle }> {
    this.#sentMicros += 1_000;
    const event = parseMessage(kind, body, this.#sentMicros);
    const workflowId = eventWorkflowId(event);
    const starter = createTemporalStarter({
      client: this.#lane.client,
      eagerStart: false,
      policy: { ...POLICY, ...policy },
    });
    const outcome = await starter.start(event, noAbort);
    this.#workflows.add(workflowId);
    return { outcome, handle: this.#lane.client.workflow.getHandle<SocialEventWorkflow>(workflowId) };
  }

  /** Started and gone through. */
  async apply(kind: EventKind, body: object): Promise<void> {
    const { handle } = await this.start(kind, body);
    await this.isClosed(handle, 'applied');
  }

  /** Written straight to GetStream, by nobody's event. */
  async write(user: string, posts: number): Promise<void> {
    const actor = this.user(user);
    const activities = Array.from({ length: posts }, (_, index) => ({
      actor,
      verb: 'Post',
      object: String(index),
      foreign_id: `written:${actor}-${index}`,
      time: new Date(CREATED_AT + index * 1_000).toISOString().replace('Z', ''),
    }));
    await this.#lane.stream.feed('user', actor).addActivities(activities);
  }

  /** What eve has and nobody may touch: a post, and a follow or a reaction on what the case is about. */
  async others({
    target,
    activityId: on,
  }: { readonly target?: string; readonly activityId?: string } = {}): Promise<void> {
    await this.write('eve', 1);
    const userId = this.user('eve');
    if (target !== undefined) {
      await this.#lane.stream.feed('timeline', userId).follow('user', target.slice(target.indexOf(':') + 1));
    }
    if (on === undefined) return;
    await this.#lane.stream.reactions.add('Like', on, {}, { id: reactionIdOf(this.reaction('of-eve')), userId });
  }

  get streamUrl(): string {
    return this.#lane.streamUrl;
  }

  /** A write under a fault that commits it late has come in. */
  async isPending(): Promise<void> {
    await eventually(async () => assert.ok((await pendingLateCommits(this.streamUrl)) > 0), PATIENCE);
  }

  setFaults(...rules: readonly object[]): Promise<void> {
    return this.#lane.setFaults(rules);
  }

  async isParked(handle: Handle): Promise<void> {
    await eventually(async () => {
      const { status, typedSearchAttributes } = await handle.describe();
      assert.deepEqual([status.name, typedSearchAttributes.get(eventStatusKey)], ['RUNNING', 'parked']);
    }, PATIENCE);
  }

  async isClosed(handle: Handle, status: EventStatus): Promise<void> {
    await eventually(async () => {
      const description = await handle.describe();
      assert.notEqual(description.status.name, 'RUNNING');
      assert.equal(description.typedSearchAttributes.get(eventStatusKey), status);
    }, PATIENCE);
  }

  /** Tried at least so often as an activity of its own. */
  async isRetried(handle: Handle, attempts = 2): Promise<void> {
    await eventually(async () => {
      const { raw } = await handle.describe();
      assert.ok((raw.pendingActivities?.[0]?.attempt ?? 0) >= attempts);
    }, PATIENCE);
  }

  async signal(handle: Handle, name: 'retry' | 'skip'): Promise<void> {
    await handle.signal(name, { by: 'operator' });
  }

  async begin(): Promise<void> {
    this.#effectsBefore = await readEffects(this.#lane.streamUrl);
  }

  async ending(): Promise<Ending> {
    const events: Record<string, string> = {};
    for (const workflowId of this.#workflows) {
      const handle = this.#lane.client.workflow.getHandle(workflowId);
      const { status, typedSearchAttributes } = await handle.describe();
      events[this.#withoutTag(workflowId)] = `${typedSearchAttributes.get(eventStatusKey)}, ${status.name}`;
    }
    const effects = await readEffects(this.#lane.streamUrl, this.#effectsBefore);
    const changes = Object.entries(effects).filter(([name]) => !REPEATS.includes(name));
    return { events, graph: await this.#graph(), effects: Object.fromEntries(changes) };
  }

  /** Ends what is left open, and what is wrong with it in the eyes of Temporal: workflow tasks that failed. */
  async clear(): Promise<string[]> {
    await this.setFaults();
    const failures: string[] = [];
    for (const workflowId of this.#workflows) {
      const handle = this.#lane.client.workflow.getHandle(workflowId);
      const { events } = await handle.fetchHistory();
      failures.push(...(events ?? []).flatMap(taskFailureIn).map((failure) => `${workflowId}: ${failure}`));
      if ((await handle.describe()).status.name === 'RUNNING') await handle.terminate('the case is over');
    }
    return failures;
  }

  async #graph(): Promise<string[]> {
    const { stream } = this.#lane;
    const lines: string[] = [];
    for (const name of this.#users) {
      const user = this.user(name);
      for (const feed of [`user:${user}`, `timeline:${user}`]) {
        for (const id of await ownActivities(stream, feed)) lines.push(`${feed} holds ${id}`);
      }
      for (const target of await followedBy(stream, `timeline:${user}`))
        lines.push(`timeline:${user} follows ${target}`);
      const { results } = await stream.feed('timeline', user).get({ limit: 100 });
      if (results.length > 0) lines.push(`timeline:${user} shows ${results.length}`);
    }
    for (const [name, id] of this.#reactions) {
      const standing = await standingReaction(stream, id);
      const on = this.#activities.get(standing?.activityId ?? '') ?? standing?.activityId;
      lines.push(`${name}: ${standing ? describeReaction({ ...standing, activityId: `on ${on}` }) : 'nothing'}`);
    }
    return lines.map((line) => this.#withoutTag(line)).toSorted((left, right) => left.localeCompare(right));
  }

  #withoutTag(text: string): string {
    return text.replaceAll(`-${this.#tag}`, '');
  }
}
