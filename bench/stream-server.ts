/**
 * How the Stream-compatible server behaves with a lot in it: a million activities and 100,000 follows.
 *
 *   node bench/stream-server.ts            the full run, some minutes and about 2 GB of disk
 *   node bench/stream-server.ts --quick    a hundredth of it
 *
 * The store is filled directly; what is timed goes over HTTP through the official client. Times in milliseconds.
 */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { connect, type StreamClient, type StreamFeed } from 'getstream';
import { startStreamServer } from '../local/stream/server.ts';
import { Store } from '../local/stream/store/store.ts';

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
const SCALE = values.quick ? 0.01 : 1;
const ACTIVITIES = 1_000_000 * SCALE;
const FOLLOWS = 100_000 * SCALE;
/** Writes and reads per measurement. */
const SAMPLES = values.quick ? 50 : 300;
const BATCH = 10_000;

const folder = await mkdtemp(join(tmpdir(), 'stream-bench-'));
const file = join(folder, 'bench.sqlite');
try {
  print(
    `${ACTIVITIES.toLocaleString('en')} activities, ${FOLLOWS.toLocaleString('en')} follows, node ${process.version}`,
  );
  fill();
  await report('database file after filling', async () => megabytes((await stat(file)).size));
  await measure();
} finally {
  await rm(folder, { recursive: true });
}

/** One feed with every activity, one with every follower, and 1,000 activities for a follow to copy. */
function fill(): void {
  const store = new Store({ file });
  const start = performance.now();
  const post = (n: number) => ({
    actor: `user:${n % 1000}`,
    verb: 'post',
    object: `photo:${n}`,
    target: '',
    to: [],
    custom: { n },
    foreignId: `bench:${n}`,
    time: 1_700_000_000_000_000 + n * 1_000_000,
  });
  inBatches(store, ACTIVITIES, (n) => store.activities.add({ slug: 'user', userId: 'large' }, post(n)));
  print(`filling: ${rate(ACTIVITIES, start)} activities/s`);
  const followed = performance.now();
  inBatches(store, FOLLOWS, (n) => {
    store.follows.follow({ slug: 'timeline', userId: `f${n}` }, { slug: 'user', userId: 'popular' }, 0);
  });
  print(`filling: ${rate(FOLLOWS, followed)} follows/s`);
  store.close();
}

function inBatches(store: Store, total: number, write: (n: number) => unknown): void {
  for (let first = 0; first < total; first += BATCH) {
    store.transaction(() => {
      for (let n = first; n < Math.min(total, first + BATCH); n += 1) write(n);
    });
  }
}

async function measure(): Promise<void> {
  const options = { port: 0, apiKey: 'key', apiSecret: 'secret', databaseFile: file, rateLimits: false };
  const server = await startStreamServer(options);
  const client = connect('key', 'secret', 'app', { urlOverride: { api: `${server.url}/api/` } });
  const large = client.feed('user', 'large');
  const before = process.memoryUsage.rss();

  await timed('read newest 25 of the large feed', () => large.get());
  const middle = await idAt(large, ACTIVITIES / 2);
  await timed('read 25 from its middle by id_lt', () => large.get({ id_lt: middle }));
  await timed('read 25 enriched with reactions', () =>
    large.get({ withRecentReactions: true, withReactionCounts: true }),
  );
  await timed('getActivityDetail in its middle', () => large.getActivityDetail(middle, {}));
  await timed('add, no followers', (n) => add(client.feed('user', `alone${n}`), n));
  await timed('add to the large feed', (n) => add(large, n));
  await timed('follow, copying 1,000', (n) =>
    client.feed('timeline', `copier${n}`).follow('user', 'large', { limit: 1000 }),
  );
  await timed('read 25 of a copied timeline', (n) => client.feed('timeline', `copier${n}`).get());
  await timed('unfollow, purging 1,000', (n) => client.feed('timeline', `copier${n}`).unfollow('user', 'large'));
  await timed('follow of the popular feed', (n) => client.feed('timeline', `late${n}`).follow('user', 'popular'));
  await timed('newest 25 of its followers', () => client.feed('user', 'popular').followers());
  await timed('follow stats of the popular feed', () => client.feed('user', 'popular').followStats());
  await timed('reaction', (n) => client.reactions.add('like', middle, { n }, { userId: `user${n}` }));
  await timed('add, fanned out to all followers', (n) => add(client.feed('user', 'popular'), n), 5);
  await throughput(client);

  print(
    `memory: ${megabytes(process.memoryUsage.rss())}, ${megabytes(process.memoryUsage.rss() - before)} more than before`,
  );
  await server.close();
  await report('database file at the end', async () => megabytes((await stat(file)).size));
}

/** Adds as fast as 16 callers can. */
async function throughput(client: StreamClient): Promise<void> {
  const start = performance.now();
  const caller = async (who: number): Promise<void> => {
    for (let n = 0; n < SAMPLES; n += 1) await add(client.feed('user', `caller${who}`), n);
  };
  await Promise.all(Array.from({ length: 16 }, (_, who) => caller(who)));
  print(`16 callers: ${rate(16 * SAMPLES, start)} adds/s, client in the same process`);
}

function add(feed: StreamFeed, n: number): Promise<unknown> {
  return feed.addActivity({
    actor: 'a',
    verb: 'post',
    object: `o${n}`,
    foreign_id: `n${n}`,
    time: new Date().toISOString(),
  });
}

async function idAt(feed: StreamFeed, offset: number): Promise<string> {
  const [activity] = (await feed.get({ limit: 1, offset })).results;
  return activity?.id ?? '';
}

async function timed(what: string, request: (n: number) => Promise<unknown>, samples = SAMPLES): Promise<void> {
  const times: number[] = [];
  for (let n = 0; n < samples; n += 1) {
    const start = performance.now();
    await request(n);
    times.push(performance.now() - start);
  }
  const sorted = times.toSorted((a, b) => a - b);
  const percentile = (part: number): string => (sorted[Math.floor((samples - 1) * part)] ?? 0).toFixed(1).padStart(8);
  print(`${what.padEnd(36)} p50${percentile(0.5)}  p99${percentile(0.99)}  max${percentile(1)}`);
}

async function report(what: string, value: () => Promise<string>): Promise<void> {
  print(`${what}: ${await value()}`);
}

function rate(count: number, start: number): string {
  return Math.round((count / (performance.now() - start)) * 1000).toLocaleString('en');
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
