import assert from 'node:assert/strict';
import { assert as check, nat, property } from 'fast-check';
import { z } from 'zod';
import { MESSAGE_ROUTES } from '../../contracts/shared/names.ts';
import { parseMessage } from '../../contracts/events/parse-message.ts';
import type { SocialEvent } from '../../contracts/events/social-event.ts';
import { expectationOf } from '../../local/demo/expectation.ts';
import { generateDemo, type DemoMessage } from '../../local/demo/generate.ts';
import { activityId } from '../../contracts/events/stream-activity-id.ts';

const START_MS = Date.parse('2026-03-01T10:00:00Z');

describe('the demo traffic', () => {
  it('is the same for the same seed and differs by id from run to run', () => {
    const options = { seed: 5, run: 'one', startMs: START_MS };
    assert.deepEqual(generateDemo(options), generateDemo(options));
    const first = expectationOf(generateDemo(options)).workflowIds;
    const second = new Set(expectationOf(generateDemo({ ...options, run: 'two' })).workflowIds);
    assert.ok(first.filter((id) => /^(activity|comment|reaction)/.test(id)).every((id) => !second.has(id)));
  });

  it('is valid by the contracts, but for the poisoned messages, whatever the seed', () => {
    check(
      property(nat(), (seed) => {
        const messages = generateDemo({ seed, run: 'x', startMs: START_MS });
        for (const message of messages.filter(({ kind }) => kind !== 'poisoned')) eventOf(message);
        for (const message of messages.filter(({ kind }) => kind === 'poisoned')) assert.throws(() => eventOf(message));
        assert.equal(expectationOf(messages).rejected, 5);
      }),
      { numRuns: 30 },
    );
  });

  it('has users post, comment, like, unlike, follow and unfollow, some of it twice and some of it late', () => {
    const messages = generateDemo({ seed: 1, run: 'x', startMs: START_MS });
    const seen = new Set(messages.filter(({ kind }) => kind !== 'poisoned').map((message) => deedOf(eventOf(message))));
    assert.deepEqual(seen, new Set(['activity', 'comment', 'Like', 'Unlike', 'Follow', 'Unfollow']));
    const { duplicates, late, published } = expectationOf(messages);
    assert.ok(duplicates > 0 && late > 0);
    assert.equal(published, 120 + duplicates + 5);
  });

  it('comments on posts and reacts to activities that it posted', () => {
    const messages = generateDemo({ seed: 1, run: 'x', startMs: START_MS }).filter(({ kind }) => kind !== 'poisoned');
    const posts = new Set<string>();
    const activityIds = new Set<string>();
    for (const event of messages.map(eventOf)) {
      if (event.kind !== 'activity') continue;
      posts.add(event.objectId);
      activityIds.add(activityId(event.foreignId, Date.parse(`${event.time}Z`) * 1000));
    }
    for (const event of messages.map(eventOf)) {
      if (event.kind === 'comment') assert.ok(posts.has(event.parentId));
      if (event.kind === 'reaction') assert.ok(activityIds.has(event.activityId));
    }
  });

  it('never lets two actions happen at one time', () => {
    const schema = z.object({
      EventTime: z.string().optional(),
      CreatedAt: z.string().optional(),
      Time: z.string().optional(),
    });
    const times = generateDemo({ seed: 2, run: 'x', startMs: START_MS })
      .filter(({ kind }) => kind !== 'poisoned' && kind !== 'duplicate')
      .map(({ body }) => schema.parse(JSON.parse(body)))
      .map(({ EventTime, CreatedAt, Time }) => EventTime ?? CreatedAt ?? Time);
    assert.equal(new Set(times).size, times.length);
  });
});

function eventOf({ topic, body }: DemoMessage): SocialEvent {
  const route = MESSAGE_ROUTES.find((candidate) => candidate.topic === topic);
  assert.ok(route);
  return parseMessage(route.schema, JSON.parse(body), 0);
}

function deedOf(event: SocialEvent): string {
  return 'action' in event ? event.action : event.kind;
}
