import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Store } from '../../local/stream/store/store.ts';
import type { FeedId } from '../../local/stream/feed-id.ts';
import type { Bound, Comparison } from '../../local/stream/store/pages.ts';

const FEED: FeedId = { slug: 'user', userId: 'a' };

/** Activities whose times often collide, to the microsecond and to the millisecond. */
const activities = fc.uniqueArray(
  fc.record({ foreignId: fc.stringMatching(/^[a-e]{1,2}$/), time: fc.integer({ min: 0, max: 3000 }) }),
  { selector: ({ foreignId, time }) => `${foreignId} ${Math.floor(time / 1000)}`, maxLength: 30 },
);

function input(foreignId: string, time: number, to: readonly FeedId[] = []) {
  return { actor: 'a', verb: 'post', object: 'o', target: '', foreignId, time, to, custom: {} };
}

describe('Stream server: properties of the store', () => {
  it('lists by time, then id, whatever the order of adding', () => {
    fc.assert(
      fc.property(activities, (added) => {
        const { store, sorted } = filled(added);
        assert.deepEqual(page(store, 100), sorted);
      }),
    );
  });

  it('pages by offset without gaps or repetitions', () => {
    fc.assert(
      fc.property(activities, fc.integer({ min: 1, max: 7 }), (added, limit) => {
        const { store, sorted } = filled(added);
        const pages = sorted.flatMap((_, offset) => (offset % limit === 0 ? page(store, limit, [], offset) : []));
        assert.deepEqual(pages, sorted);
      }),
    );
  });

  it('pages down by the last id seen without gaps or repetitions, though newer activities arrive meanwhile', () => {
    fc.assert(
      fc.property(activities, fc.integer({ min: 1, max: 7 }), (added, limit) => {
        const { store, sorted } = filled(added);
        const seen: string[] = [];
        for (let ids = page(store, limit); ids.length > 0;) {
          seen.push(...ids);
          store.activities.add(FEED, input(`late${seen.length}`, 1_000_000 + seen.length));
          ids = page(store, limit, [{ comparison: '<', id: String(ids.at(-1)) }]);
        }
        assert.deepEqual(seen, sorted);
      }),
    );
  });

  it('bounds by an id exactly as comparing positions does', () => {
    const comparison = fc.constantFrom<Comparison>('<', '<=', '>', '>=');
    fc.assert(
      fc.property(activities, fc.array(fc.tuple(comparison, fc.nat()), { maxLength: 3 }), (added, wanted) => {
        const { store, sorted } = filled(added);
        if (sorted.length === 0) return;
        const places = wanted.map(([sign, n]) => ({ comparison: sign, place: n % sorted.length }));
        const bounds = places.map(({ comparison: sign, place }) => ({ comparison: sign, id: String(sorted[place]) }));
        const expected = sorted.filter((_, place) => places.every((bound) => isWithin(place, bound)));
        assert.deepEqual(page(store, 100, bounds), expected);
      }),
    );
  });

  it('delivers every activity to exactly the feeds that follow or are targeted, once', () => {
    const users = ['a', 'b', 'c', 'd'];
    const step = fc.oneof(
      fc.record({ do: fc.constant('add' as const), who: fc.nat(3), other: fc.nat(3), isTargeted: fc.boolean() }),
      fc.record({ do: fc.constant('follow' as const), who: fc.nat(3), other: fc.nat(3), isTargeted: fc.boolean() }),
      fc.record({ do: fc.constant('unfollow' as const), who: fc.nat(3), other: fc.nat(3), isTargeted: fc.boolean() }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const store = new Store();
        const follows = new Set<string>();
        const sent: { id: string; feeds: number[] }[] = [];
        steps.forEach(({ do: action, who, other, isTargeted }, n) => {
          const [source, target] = [timeline(users[who]), user(users[other])];
          if (action === 'follow') store.follows.follow(source, target, 1000);
          if (action === 'unfollow') store.follows.unfollow(source, target, false);
          if (action === 'follow') follows.add(`${who}>${other}`);
          if (action === 'unfollow') follows.delete(`${who}>${other}`);
          if (action !== 'add') return;
          const feeds = isTargeted ? [who, other] : [who];
          const to = isTargeted && other !== who ? [target] : [];
          const { activity } = store.activities.add(user(users[who]), input(`a:${n}`, n * 1000, to));
          sent.push({ id: activity.id, feeds });
        });
        for (const [reader, name] of users.entries()) {
          const expected = sent.filter(({ feeds }) => feeds.some((feed) => follows.has(`${reader}>${feed}`)));
          assert.deepEqual(page(store, 100, [], 0, timeline(name)), expected.map(({ id }) => id).toReversed());
        }
        store.close();
      }),
    );
  });
});

function filled(added: readonly { foreignId: string; time: number }[]): { store: Store; sorted: string[] } {
  const store = new Store();
  const records = added.map(({ foreignId, time }) => store.activities.add(FEED, input(foreignId, time)).activity);
  const sorted = records.toSorted((a, b) => b.time - a.time || (a.id < b.id ? 1 : -1)).map(({ id }) => id);
  return { store, sorted };
}

function page(store: Store, limit: number, bounds: readonly Bound[] = [], offset = 0, feed = FEED): string[] {
  const found = store.feeds.find(feed);
  return found ? store.pages.activities(found, { limit, offset, bounds }).items.map(({ id }) => id) : [];
}

/** Places count from the newest, so an older activity has a greater place. */
function isWithin(place: number, bound: { comparison: Comparison; place: number }): boolean {
  switch (bound.comparison) {
    case '<':
      return place > bound.place;
    case '<=':
      return place >= bound.place;
    case '>':
      return place < bound.place;
    case '>=':
      return place <= bound.place;
  }
}

function user(userId = ''): FeedId {
  return { slug: 'user', userId };
}

function timeline(userId = ''): FeedId {
  return { slug: 'timeline', userId };
}
