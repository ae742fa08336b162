import { Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { StreamApiError, type StreamClient } from 'getstream';
import { FAILURE_TYPES } from '../contracts/events/failure-types.ts';
import { referenceTo } from '../contracts/events/parent-reference.ts';
import { activityId } from '../contracts/events/stream-activity-id.ts';
import { parseTimestampMicros } from '../contracts/shared/timestamps.ts';
import { telling } from './attempts.ts';
import { toApplicationFailure } from './classify-failure.ts';
import { missingCopies } from './copy-check.ts';
import type {
  ActivityReference,
  AddActivityInput,
  AddReactionInput,
  FollowInput,
  FollowReference,
  HasReactionInput,
  ReactionReference,
  RemoveReactionInput,
  RequireParentInput,
  StreamActivities,
  UndoFollowInput,
  UndoFollowResult,
  WriteReceipt,
} from './types.ts';

/** How far the clocks of Temporal and GetStream may stand apart; what others made this shortly before counts as own. */
const CLOCK_TOLERANCE_MS = 1_000;

/**
 * What is known of a post or comment. `open`: still being written, or parked; `absent`: not known, or given up; else applied,
 * with the id of its activity on GetStream where that can be told.
 */
export type ParentState = 'open' | 'absent' | 'applied' | { readonly activityId: string };

/** Looks posts and comments up by their workflows. */
export interface EventDirectory {
  stateOf(workflowId: string): Promise<ParentState>;
}

export interface StreamClients {
  /** For first attempts inside a workflow task; its time-out must be shorter than the fast attempt's. */
  readonly quick: StreamClient;
  /** For attempts Temporal schedules. */
  readonly patient: StreamClient;
}

export function createStreamActivities(clients: StreamClients, events: EventDirectory): StreamActivities {
  const call = async <Result>(use: (client: StreamClient) => Promise<Result>): Promise<Result> => {
    try {
      return await use(Context.current().info.isLocal ? clients.quick : clients.patient);
    } catch (error) {
      throw toApplicationFailure(error, Date.now());
    }
  };

  const idOfActivity = (reference: string): Promise<string> => resolveActivity(events, reference);

  return {
    addActivity: (input) => call((client) => addActivity(client, input)),
    removeActivity: (input) => call((client) => removeActivity(client, input)),
    hasActivity: (input) => call((client) => hasActivity(client, input)),
    requireParent: (input) => call((client) => requireParent(client, events, input)),
    addReaction: (input) =>
      call(async (client) => addReaction(client, { ...input, activityId: await idOfActivity(input.activityId) })),
    removeReaction: (input) => call((client) => removeReaction(client, input)),
    hasReaction: (input) => call((client) => hasReaction(client, input, idOfActivity)),
    follow: (input) => call((client) => follow(client, input)),
    unfollow: (input) => call((client) => unfollow(client, input)),
    hasFollow: (input) => call(async (client) => (await relationOf(client, input)) !== undefined),
    confirmCopy: (input) => call((client) => confirmCopy(client, input)),
    undoFollow: (input) => call((client) => undoFollow(client, input)),
  };
}

async function addActivity(client: StreamClient, input: AddActivityInput): Promise<undefined> {
  await feedOf(client, input.feed).addActivity({
    ...input.custom,
    actor: input.actor,
    verb: input.verb,
    object: input.object,
    foreign_id: input.foreignId,
    time: input.time,
    ...(input.to.length > 0 ? { to: [...input.to] } : {}),
  });
}

/** By id, not by foreign id: that would take other activities of the foreign id along. */
async function removeActivity(client: StreamClient, input: ActivityReference): Promise<undefined> {
  await feedOf(client, input.feed).removeActivity(idOf(input));
}

async function hasActivity(client: StreamClient, input: ActivityReference): Promise<boolean> {
  const { results } = await client.getActivities({ ids: [idOf(input)] });
  return results.length > 0;
}

function idOf({ foreignId, time }: ActivityReference): string {
  return activityId(foreignId, parseTimestampMicros(time) ?? 0);
}

async function requireParent(
  client: StreamClient,
  events: EventDirectory,
  { parent }: RequireParentInput,
): Promise<void> {
  if (parent.by === 'workflow') {
    const state = await events.stateOf(parent.workflowId);
    if (state === 'open' || state === 'absent') throw parentMissing(parent.workflowId, state);
    return;
  }
  const { results } = await client.getActivities({ ids: [parent.id] });
  if (results.length === 0) throw parentMissing(`activity ${parent.id}`, 'absent');
}

/** The id of an activity that is named by its id, or by the `ForeignID` of a post or comment of ours. */
async function resolveActivity(events: EventDirectory, reference: string): Promise<string> {
  const parent = referenceTo(reference);
  if (parent?.by !== 'workflow') return reference;
  const state = await events.stateOf(parent.workflowId);
  if (typeof state === 'object') return state.activityId;
  throw parentMissing(parent.workflowId, state);
}

function parentMissing(name: string, state: 'open' | 'absent' | 'applied'): ApplicationFailure {
  return ApplicationFailure.create({
    type: FAILURE_TYPES.parentMissing,
    message: state === 'open' ? `${name} is still being written` : `${name} is not there`,
    // One that is on its way is worth the whole retry budget; how long to wait for another the workflow decides.
    nonRetryable: state !== 'open',
    category: ApplicationFailureCategory.BENIGN,
  });
}

/** At most: added, found to be taken, removed and added. Another conflict after that is left to the next attempt. */
async function addReaction(client: StreamClient, input: AddReactionInput): Promise<WriteReceipt | undefined> {
  if (await wasAdded(client, input)) return undefined;
  const standing = await readReaction(client, input.reactionId);
  if (standing && standing.user_id !== input.userId) {
    throw ApplicationFailure.nonRetryable(
      `the reaction id ${input.reactionId} is taken by a ${standing.kind} of user ${standing.user_id}, which stays as it is`,
      FAILURE_TYPES.conflict,
    );
  }
  if (standing && isSame(standing, input)) return undefined;
  if (standing) await ignoring(404, () => client.reactions.delete(input.reactionId));
  try {
    if (await wasAdded(client, input)) return { replaced: true };
  } catch (error) {
    throw standing ? telling(toApplicationFailure(error, Date.now()), { removed: true }) : error;
  }
  throw ApplicationFailure.retryable(
    `the reaction id ${input.reactionId} was taken again while it was being replaced`,
    FAILURE_TYPES.unavailable,
  );
}

/** @returns false when the id is taken */
async function wasAdded(client: StreamClient, input: AddReactionInput): Promise<boolean> {
  const { reactionId: id, kind, activityId, userId, targetFeeds } = input;
  return ignoring(409, () => client.reactions.add(kind, activityId, {}, { id, userId, targetFeeds: [...targetFeeds] }));
}

function isSame(standing: StandingReaction, { kind, activityId, targetFeeds }: AddReactionInput): boolean {
  const feeds = new Set(standing.target_feeds ?? []);
  return (
    standing.kind === kind &&
    standing.activity_id === activityId &&
    feeds.size === targetFeeds.length &&
    targetFeeds.every((feed) => feeds.has(feed))
  );
}

/** Read first, because whoever holds the app's secret can remove anybody's: only what is meant goes. */
async function removeReaction(client: StreamClient, input: RemoveReactionInput): Promise<undefined> {
  const standing = await findReaction(client, input);
  if (!standing || wasThereBefore(standing, input.sinceMs)) return;
  await ignoring(404, () => client.reactions.delete(input.reactionId));
}

async function hasReaction(
  client: StreamClient,
  { only, ...reference }: HasReactionInput,
  idOfActivity: (reference: string) => Promise<string>,
): Promise<boolean> {
  const standing = await findReaction(client, reference);
  if (!standing || !only) return standing !== undefined;
  return standing.kind === only.kind && standing.activity_id === (await idOfActivity(only.activityId));
}

async function findReaction(
  client: StreamClient,
  { reactionId, userId }: ReactionReference,
): Promise<StandingReaction | undefined> {
  const standing = await readReaction(client, reactionId);
  return userId === undefined || standing?.user_id === userId ? standing : undefined;
}

interface StandingReaction {
  readonly created_at: string;
  readonly kind: string;
  readonly activity_id: string;
  readonly user_id: string;
  readonly target_feeds?: readonly string[];
}

async function readReaction(client: StreamClient, id: string): Promise<StandingReaction | undefined> {
  let found: StandingReaction | undefined;
  await ignoring(404, async () => {
    found = await client.reactions.get(id);
  });
  return found;
}

async function follow(client: StreamClient, { source, target, copyLimit }: FollowInput): Promise<undefined> {
  const [slug, user] = splitFeed(target);
  await feedOf(client, source).follow(slug, user, { limit: copyLimit });
}

async function unfollow(client: StreamClient, input: FollowReference): Promise<undefined> {
  const [slug, user] = splitFeed(input.target);
  await feedOf(client, input.source).unfollow(slug, user);
}

async function relationOf(client: StreamClient, { source, target }: FollowReference) {
  const { results } = await feedOf(client, source).following({ filter: [target], limit: 1 });
  return results[0];
}

async function confirmCopy(client: StreamClient, input: FollowInput): Promise<void> {
  const missing = await missingCopies(feedOf(client, input.source), feedOf(client, input.target), input.copyLimit);
  if (missing.length === 0) return;
  throw ApplicationFailure.nonRetryable(
    `${input.source} lacks ${missing.length} of the latest activities of ${input.target}, first ${missing[0]}`,
    FAILURE_TYPES.copyIncomplete,
  );
}

async function undoFollow(client: StreamClient, input: UndoFollowInput): Promise<UndoFollowResult> {
  const relation = await relationOf(client, input);
  if (!relation) return 'absent';
  if (wasThereBefore(relation, input.sinceMs)) return 'kept';
  await unfollow(client, input);
  return 'undone';
}

function wasThereBefore({ created_at: createdAt }: { readonly created_at: string }, sinceMs = 0): boolean {
  return Date.parse(createdAt) < sinceMs - CLOCK_TOLERANCE_MS;
}

/** @returns false when the write was answered with that status */
async function ignoring(status: number, write: () => Promise<unknown>): Promise<boolean> {
  try {
    await write();
    return true;
  } catch (error) {
    if (!(error instanceof StreamApiError) || error.response.status !== status) throw error;
    return false;
  }
}

function feedOf(client: StreamClient, feed: string) {
  return client.feed(...splitFeed(feed));
}

function splitFeed(feed: string): [slug: string, user: string] {
  const colon = feed.indexOf(':');
  return [feed.slice(0, colon), feed.slice(colon + 1)];
}
