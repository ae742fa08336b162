import { Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { StreamApiError, type StreamClient } from 'getstream';
import { FAILURE_TYPES } from '../contracts/failure-types.ts';
import type { ParentReference } from '../contracts/parent-reference.ts';
import { activityId } from '../contracts/stream-activity-id.ts';
import { parseTimestampMicros } from '../contracts/timestamps.ts';
import { toApplicationFailure } from './classify-failure.ts';
import { missingCopies } from './copy-check.ts';
import type {
  ActivityReference,
  AddActivityInput,
  AddReactionInput,
  FollowInput,
  FollowReference,
  ReactionReference,
  RequireParentInput,
  StreamActivities,
  UndoFollowInput,
  UndoFollowResult,
} from './types.ts';

/** How far the clocks of Temporal and GetStream may stand apart; a follow made by others this shortly before counts as own. */
const CLOCK_TOLERANCE_MS = 1_000;

/** Tells what became of an event, by its workflow. */
export interface EventDirectory {
  /** `open`: still being written, or parked; `absent`: not known, or given up. */
  stateOf(workflowId: string): Promise<'applied' | 'open' | 'absent'>;
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

  return {
    addActivity: (input) => call((client) => addActivity(client, input)),
    removeActivity: (input) => call((client) => removeActivity(client, input)),
    hasActivity: (input) => call((client) => hasActivity(client, input)),
    requireParent: (input) => call((client) => requireParent(client, events, input)),
    addReaction: (input) => call((client) => addReaction(client, input)),
    removeReaction: (input) => call((client) => ignoring(404, () => client.reactions.delete(input.reactionId))),
    hasReaction: (input) => call((client) => hasReaction(client, input)),
    follow: (input) =>
      call(async (client) => {
        const [slug, user] = splitFeed(input.target);
        await feedOf(client, input.source).follow(slug, user, { limit: input.copyLimit });
      }),
    unfollow: (input) => call((client) => unfollow(client, input)),
    confirmCopy: (input) => call((client) => confirmCopy(client, input)),
    undoFollow: (input) => call((client) => undoFollow(client, input)),
  };
}

async function addActivity(client: StreamClient, input: AddActivityInput): Promise<void> {
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
async function removeActivity(client: StreamClient, input: ActivityReference): Promise<void> {
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
  const state = await stateOfParent(client, events, parent);
  if (state === 'applied') return;
  const name = parent.by === 'workflow' ? parent.workflowId : `activity ${parent.id}`;
  throw ApplicationFailure.create({
    type: FAILURE_TYPES.parentMissing,
    message: state === 'open' ? `${name} is still being written` : `${name} is not there`,
    // One that is on its way is worth the whole retry budget; how long to wait for another the workflow decides.
    nonRetryable: state === 'absent',
    category: ApplicationFailureCategory.BENIGN,
  });
}

async function stateOfParent(
  client: StreamClient,
  events: EventDirectory,
  parent: ParentReference,
): Promise<'applied' | 'open' | 'absent'> {
  if (parent.by === 'workflow') return events.stateOf(parent.workflowId);
  const { results } = await client.getActivities({ ids: [parent.id] });
  return results.length > 0 ? 'applied' : 'absent';
}

async function addReaction(client: StreamClient, input: AddReactionInput): Promise<void> {
  await ignoring(409, () =>
    client.reactions.add(
      input.kind,
      input.activityId,
      {},
      { id: input.reactionId, userId: input.userId, targetFeeds: [...input.targetFeeds] },
    ),
  );
}

async function hasReaction(client: StreamClient, input: ReactionReference): Promise<boolean> {
  let found = false;
  await ignoring(404, async () => {
    await client.reactions.get(input.reactionId);
    found = true;
  });
  return found;
}

async function unfollow(client: StreamClient, input: FollowReference): Promise<void> {
  const [slug, user] = splitFeed(input.target);
  await feedOf(client, input.source).unfollow(slug, user);
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
  const { results } = await feedOf(client, input.source).following({ filter: [input.target], limit: 1 });
  const relation = results[0];
  if (!relation) return 'absent';
  if (Date.parse(relation.created_at) < input.sinceMs - CLOCK_TOLERANCE_MS) return 'kept';
  await unfollow(client, input);
  return 'undone';
}

async function ignoring(status: number, write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!(error instanceof StreamApiError) || error.response.status !== status) throw error;
  }
}

function feedOf(client: StreamClient, feed: string) {
  return client.feed(...splitFeed(feed));
}

function splitFeed(feed: string): [slug: string, user: string] {
  const colon = feed.indexOf(':');
  return [feed.slice(0, colon), feed.slice(colon + 1)];
}
