import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { StreamApiError, type StreamClient } from 'getstream';
import { activityId } from '../../contracts/events/stream-activity-id.ts';
import { parseTime } from '../../local/stream/time.ts';
import { Random } from '../../local/random.ts';
import { extent } from '../support/extent.ts';
import { startTestServer, type TestServer } from '../stream/helpers.ts';
import { clientOver } from './model-client.ts';
import { StreamModel } from './stream-model.ts';

const SEQUENCES = extent(100, 12);
const CALLS = 120;
const TIMES = ['2026-01-31T12:00:00', '2026-01-31T12:00:01.5', '2026-01-31T12:00:02'] as const;
const SEED = Number(process.env['CONVERGENCE_SEED'] ?? Date.now() % 1_000_000);

/** A call of the client, and how it reads in a failure. */
interface Step {
  readonly name: string;
  readonly make: (client: StreamClient) => Promise<unknown>;
}

describe('the model of GetStream', function () {
  this.timeout(60_000);
  let test: TestServer;
  before(async () => {
    test = await startTestServer();
  });
  after(() => test.server.close());

  it(`answers as the full Stream server does, whatever the worker calls, from seed ${SEED} on`, async () => {
    for (let seed = SEED; seed < SEED + SEQUENCES; seed++) {
      const random = new Random(seed);
      const world = worldOf(randomUUID().slice(0, 8));
      const model = new StreamModel();
      const modelled = clientOver((request) => Promise.resolve(model.answer(request)), 1_000);
      const steps = Array.from({ length: CALLS }, () => nextStep(random, world));
      for (const [index, { name, make }] of steps.entries()) {
        const [expected, actual] = [await outcomeOf(make(test.client)), await outcomeOf(make(modelled))];
        assert.deepEqual(actual, expected, `seed ${seed}, call ${index + 1}: ${name}`);
      }
    }
  });
});

type World = ReturnType<typeof worldOf>;

/** Few of each, so that calls meet. */
function worldOf(run: string) {
  const users = ['a', 'b', 'c'].map((name) => `${name}-${run}`);
  return {
    users,
    flat: users.flatMap((user) => [`user:${user}`, `timeline:${user}`]),
    reactions: [randomUUID(), randomUUID()],
    foreignIds: users.map((user) => `Post:${user}-1`),
  };
}

function nextStep(random: Random, world: World): Step {
  const [slug, user] = split(random.pick(world.flat));
  const other = random.pick(world.flat);
  const [otherSlug, otherUser] = split(other);
  const id = random.pick(world.reactions);
  const activity = () => activityId(random.pick(world.foreignIds), parseTime(random.pick(TIMES)) ?? 0);
  const limit = random.pick([0, 1, 2, 100, 1001]);
  const steps: Step[] = [
    addStep(random, world, slug, user),
    addStep(random, world, slug, user),
    named(`remove from ${slug}:${user}`, activity(), (client, gone) => client.feed(slug, user).removeActivity(gone)),
    named('look up', `${activity()},${activity()}`, (client, ids) => client.getActivities({ ids: ids.split(',') })),
    {
      name: `${slug}:${user} follows ${other}, copying ${limit}`,
      make: (client) => client.feed(slug, user).follow(otherSlug, otherUser, { limit }),
    },
    {
      name: `${slug}:${user} follows a notification feed`,
      make: (client) => client.feed(slug, user).follow('notification', otherUser),
    },
    {
      name: `${slug}:${user} unfollows ${other}`,
      make: (client) => client.feed(slug, user).unfollow(otherSlug, otherUser),
    },
    {
      name: `whether ${slug}:${user} follows ${other}`,
      make: (client) => client.feed(slug, user).following({ filter: [other], limit: 1 }),
    },
    named('page', activity(), (client, from) => client.feed(slug, user).get({ limit: 2, id_lte: from })),
    { name: `read ${slug}:${user}`, make: (client) => client.feed(slug, user).get({ limit: 100 }) },
    reactStep(random, world, id, activity()),
    reactStep(random, world, id, activity()),
    named('read reaction', id, (client, reaction) => client.reactions.get(reaction)),
    named('delete reaction', id, (client, reaction) => client.reactions.delete(reaction)),
    { name: 'an activity without an actor', make: (client) => client.feed(slug, user).addActivity(invalid()) },
    { name: 'an unknown group', make: (client) => client.feed('nothing', user).follow(otherSlug, otherUser) },
  ];
  return random.pick(steps);
}

function addStep(random: Random, { users, foreignIds }: World, slug: string, user: string): Step {
  const to = random.chance(0.3) ? [`timeline:${random.pick(users)}`] : [];
  const activity = {
    actor: random.pick(users),
    verb: 'Post',
    object: String(random.between(1, 3)),
    foreign_id: random.pick(foreignIds),
    time: random.pick(TIMES),
    hash_tags: ['jazz'],
    ...(to.length > 0 ? { to } : {}),
  };
  return {
    name: `add ${JSON.stringify(activity)} to ${slug}:${user}`,
    make: (client) => client.feed(slug, user).addActivity(activity),
  };
}

function reactStep(random: Random, { users, flat }: World, id: string, activity: string): Step {
  const kind = random.pick(['Like', 'Star', 'Share']);
  const userId = random.pick(users);
  const targetFeeds = random.chance(0.5) ? [random.pick(flat), `notification:${userId}`] : [];
  return {
    name: `${kind} ${id} of ${userId} to ${targetFeeds.join()}`,
    make: (client) => client.reactions.add(kind, activity, {}, { id, userId, targetFeeds }),
  };
}

function named(name: string, on: string, make: (client: StreamClient, on: string) => Promise<unknown>): Step {
  return { name: `${name} ${on}`, make: (client) => make(client, on) };
}

function invalid() {
  return { actor: '', verb: 'Post', object: '1', foreign_id: 'Post:a-1', time: TIMES[0] };
}

function split(feed: string): [slug: string, user: string] {
  const colon = feed.indexOf(':');
  return [feed.slice(0, colon), feed.slice(colon + 1)];
}

/** The answer without what depends on the moment; of a refusal what the client makes of it. */
async function outcomeOf(call: Promise<unknown>): Promise<unknown> {
  try {
    return timeless(await call);
  } catch (error) {
    if (!(error instanceof StreamApiError)) throw error;
    return { status: error.response.status, error: timeless(error.error) };
  }
}

/** Reactions are told apart by their moment in feeds, too. */
const MOMENTS: ReadonlySet<string> = new Set(['duration', 'created_at', 'updated_at', 'next']);

function timeless(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(timeless);
  if (typeof value !== 'object' || value === null) return value;
  const isAboutReaction = 'reaction' in value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !MOMENTS.has(name) && !(isAboutReaction && (name === 'id' || name === 'time')))
      // Of several followed feeds that it came from, any may be named.
      .map(([name, item]) => [name, name === 'origin' ? item !== null : timeless(item)]),
  );
}
