import assert from 'node:assert/strict';
import type { SessionRules } from '../../contracts/sessions/session-limits.ts';
import type { AcquireRequest } from '../../contracts/sessions/stream-sessions.ts';
import { capsOf, firstCapsOf, judge, slotsOf, type Occupant } from '../../workflows/sessions/session-admission.ts';
import { wish } from './support/policies.ts';

const stream = (streamId: string, more: Partial<Occupant> = {}): Occupant => ({
  streamId,
  deviceId: `device of ${streamId}`,
  slots: 1,
  ...more,
});
const rules = (change: Partial<SessionRules> = {}): SessionRules => ({
  version: 1,
  caps: { account: 2 },
  overLimit: 'refuseNewest',
  ...change,
});
const idsOf = (streams: readonly Occupant[]): string[] => streams.map(({ streamId }) => streamId);

/** Who goes for the request, or what stands against it and who is in its way. */
function verdictOf(of: SessionRules, streams: readonly Occupant[], request: AcquireRequest): unknown {
  const verdict = judge(of, streams, request);
  return verdict.admitted ? idsOf(verdict.evict) : { ...verdict.violation, conflicts: idsOf(verdict.conflicts) };
}

describe('who may take a slot', () => {
  const [a, b, c] = [stream('a'), stream('b'), stream('c')];

  it('is whoever finds one free under the cap of the account', () => {
    assert.deepEqual(judge(rules(), [a], wish('x')), { admitted: true, evict: [] });
    assert.deepEqual(judge(rules(), [a, b], wish('x')), {
      admitted: false,
      violation: { cap: 'account', limit: 2, active: 2 },
      conflicts: [a, b],
    });
    const twice = stream('a', { slots: 2 });
    assert.deepEqual(verdictOf(rules(), [twice], wish('x')), { cap: 'account', limit: 2, active: 2, conflicts: ['a'] });
    assert.equal(slotsOf([twice, b]), 3);
    assert.equal(slotsOf([]), 0);
  });

  it('is told by the cap of the content first, then of the type of device, then of the account', () => {
    const caps = { account: 3, content: 1, contents: { derby: 2, closed: 0 }, deviceTypes: { tv: 1 } };
    const of = rules({ caps });
    const derby = stream('d', { contentId: 'derby', deviceType: 'tv' });
    const film = stream('f', { contentId: 'film', deviceType: 'phone' });
    const streams = [derby, film];
    assert.deepEqual(verdictOf(of, streams, wish('x', { contentId: 'film', deviceType: 'tv' })), {
      cap: 'content',
      key: 'film',
      limit: 1,
      active: 1,
      conflicts: ['f'],
    });
    assert.deepEqual(verdictOf(of, streams, wish('x', { contentId: 'derby', deviceType: 'tv' })), {
      cap: 'deviceType',
      key: 'tv',
      limit: 1,
      active: 1,
      conflicts: ['d'],
    });
    assert.deepEqual(verdictOf(of, [...streams, c], wish('x', { contentId: 'derby', deviceType: 'phone' })), {
      cap: 'account',
      limit: 3,
      active: 3,
      conflicts: ['d', 'f', 'c'],
    });
    assert.deepEqual(verdictOf(of, streams, wish('x', { contentId: 'closed' })), {
      cap: 'content',
      key: 'closed',
      limit: 0,
      active: 0,
      conflicts: [],
    });
    for (const free of [{}, { contentId: 'other', deviceType: 'watch' }, { contentId: 'derby', deviceType: 'phone' }]) {
      assert.deepEqual(verdictOf(of, streams, wish('x', free)), []);
    }
    const uncapped = rules({ caps: { account: 3 } });
    assert.deepEqual(verdictOf(uncapped, streams, wish('x', { contentId: 'film', deviceType: 'tv' })), []);
  });

  it('takes names from outside for names, whatever they are', () => {
    const of = rules({ caps: { account: 9, contents: { derby: 1 }, deviceTypes: { tv: 1 } }, plans: {} });
    for (const name of ['constructor', '__proto__', 'toString']) {
      const request = wish('x', { contentId: name, deviceType: name, plan: name });
      assert.deepEqual(verdictOf(of, [stream('a', { contentId: name, deviceType: name })], request), []);
      assert.deepEqual(capsOf(of, name), of.caps);
    }
  });

  it('goes by the caps of a plan, one by one, before the general ones', () => {
    const of = rules({ caps: { account: 1, content: 1 }, plans: { family: { account: 5 } } });
    assert.deepEqual(capsOf(of, 'family'), { account: 5, content: 1 });
    assert.deepEqual(capsOf(of, 'other'), of.caps);
    assert.deepEqual(capsOf(of, undefined), of.caps);
    assert.deepEqual(capsOf(rules(), 'family'), { account: 2 });
    assert.deepEqual(verdictOf(of, [a], wish('x', { plan: 'family' })), []);
  });

  it('takes no entry by the name of nothing for a request that names nothing', () => {
    const caps = { account: 9, deviceTypes: { undefined: 0 }, contents: { undefined: 0 } };
    const of = rules({ caps, plans: { undefined: { account: 1 } } });
    assert.deepEqual(capsOf(of, undefined), caps);
    assert.deepEqual(firstCapsOf(of, undefined), caps);
    assert.deepEqual(judge(of, [a, b], wish('x')), { admitted: true, evict: [] });
  });
});

describe('who goes for a stream that finds no slot', () => {
  const ofDevice = (id: string, deviceId: string): Occupant => stream(id, { deviceId });
  const streams = [ofDevice('a', 'd1'), ofDevice('b', 'd2'), ofDevice('c', 'd2')];
  const full = (overLimit: SessionRules['overLimit'], account = 3): SessionRules =>
    rules({ overLimit, caps: { account } });
  const request = (more: Partial<AcquireRequest> = {}): AcquireRequest => wish('x', { deviceId: 'd2', ...more });
  const refused = { cap: 'account', limit: 3, active: 3, conflicts: ['a', 'b', 'c'] };

  it('is nobody where the newest is refused, also when it names some', () => {
    assert.deepEqual(verdictOf(full('refuseNewest'), streams, request({ evict: ['a'] })), refused);
  });

  it('is the oldest, as many as it takes', () => {
    assert.deepEqual(verdictOf(full('evictOldest'), streams, request()), ['a']);
    assert.deepEqual(verdictOf(full('evictOldest', 1), streams, request()), ['a', 'b', 'c']);
    assert.deepEqual(verdictOf(full('evictOldest', 0), streams, request()), { ...refused, limit: 0 });
  });

  it('is the oldest of its own device, and no other', () => {
    assert.deepEqual(verdictOf(full('evictSameDevice'), streams, request()), ['b']);
    assert.deepEqual(verdictOf(full('evictSameDevice', 2), streams, request()), ['b', 'c']);
    assert.deepEqual(verdictOf(full('evictSameDevice', 1), streams, request()), { ...refused, limit: 1 });
    assert.deepEqual(verdictOf(full('evictSameDevice'), streams, request({ deviceId: 'd3' })), refused);
  });

  it('is whom it names, before all others, and never the stream itself', () => {
    assert.deepEqual(verdictOf(full('evictNamed'), streams, request()), refused);
    assert.deepEqual(verdictOf(full('evictNamed'), streams, request({ evict: ['c', 'unknown'] })), ['c']);
    assert.deepEqual(verdictOf(full('evictNamed', 2), streams, request({ evict: ['c'] })), { ...refused, limit: 2 });
    assert.deepEqual(verdictOf(full('evictOldest', 2), streams, request({ evict: ['c'] })), ['c', 'a']);
    for (const overLimit of ['evictNamed', 'evictOldest', 'evictSameDevice'] as const) {
      const again = { ...request({ evict: ['b'] }), streamId: 'b' };
      const alone = [ofDevice('b', 'd2')];
      assert.deepEqual(verdictOf(full(overLimit, 1), alone, again), {
        ...refused,
        limit: 1,
        active: 1,
        conflicts: ['b'],
      });
    }
  });

  it('is one in the way of a narrow cap first, which may make room under the account as well', () => {
    const of = rules({ overLimit: 'evictOldest', caps: { account: 2, content: 1 } });
    const playing = [stream('a', { contentId: 'x' }), stream('b', { contentId: 'film' })];
    assert.deepEqual(verdictOf(of, playing, wish('n', { contentId: 'film' })), ['b']);
  });
});
