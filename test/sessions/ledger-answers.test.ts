import assert from 'node:assert/strict';
import { DEFAULT_SESSION_POLICY, type SessionPolicy } from '../../contracts/sessions/session-limits.ts';
import type { AcquireReply, AcquireRequest } from '../../contracts/sessions/stream-sessions.ts';
import { SessionLedger } from '../../workflows/sessions/session-ledger.ts';
import { policyWith, wish } from './support/policies.ts';

const START = Date.UTC(2026, 0, 1);
const at = (ms: number): string => new Date(START + ms).toISOString();

/** A ledger whose calls come so many milliseconds after its start. */
class Calls {
  readonly ledger: SessionLedger;
  readonly policy: SessionPolicy;

  constructor(change: Partial<SessionPolicy> = {}, ledger = new SessionLedger(START)) {
    this.policy = policyWith(change);
    this.ledger = ledger;
  }

  acquire(id: string, ms = 0, more: Partial<AcquireRequest> = {}): AcquireReply {
    return this.ledger.acquire(wish(id, more), this.policy, START + ms);
  }

  beat(id: string, ms: number): void {
    this.ledger.heartbeat([{ streamId: id }], START + ms);
  }

  advance(ms: number): void {
    this.ledger.advance(START + ms);
  }

  active(): readonly string[] {
    return this.ledger.view().active.map(({ streamId }) => streamId);
  }

  ended(): readonly string[] {
    return this.ledger.view().ended.map(({ streamId, endedAt, end }) => `${streamId} ${end.reason} ${endedAt}`);
  }
}

describe('what the ledger of an account answers', () => {
  const facts = { policyVersion: 1, limit: 3 };
  const viewOf = (streamId: string, ms: number) => ({
    streamId,
    deviceId: `device of ${streamId}`,
    mode: 'direct',
    slots: 1,
    startedAt: at(ms),
    leaseMs: 45_000,
    leaseEndsAt: at(ms + 45_000),
  });

  it('to an acquire: the stream, how long it lasts and how the account stands', () => {
    const calls = new Calls();
    const grant = { outcome: 'granted', repeated: false, active: 1, expiresInMs: 45_000, heartbeatIntervalMs: 15_000 };
    assert.deepEqual(calls.acquire('a'), { ...grant, ...facts, stream: viewOf('a', 0), evicted: [] });
    const more = { deviceType: 'tv', contentId: 'derby', requestId: 'r' };
    const stream = { ...viewOf('b', 5), deviceType: 'tv', contentId: 'derby' };
    assert.deepEqual(calls.acquire('b', 5, more), { ...grant, ...facts, active: 2, stream, evicted: [] });
    const repeated = { ...stream, leaseEndsAt: at(45_007) };
    assert.deepEqual(calls.acquire('b', 7, more), {
      ...grant,
      ...facts,
      repeated: true,
      active: 2,
      stream: repeated,
      evicted: [],
    });
  });

  it('to one too many: the cap, and the streams in the way', () => {
    const calls = new Calls({ caps: { account: 1 } });
    calls.acquire('a');
    assert.deepEqual(calls.acquire('b', 5), {
      outcome: 'refused',
      active: 1,
      limit: 1,
      policyVersion: 1,
      violation: { cap: 'account', limit: 1, active: 1 },
      conflicts: [viewOf('a', 0)],
    });
  });

  it('to an id in use by another device or kind of stream: whose it is', () => {
    const message = 'stream a belongs to another device or kind of stream';
    const calls = new Calls();
    calls.acquire('a');
    assert.deepEqual(calls.acquire('a', 0, { deviceId: 'another' }), { outcome: 'idTaken', message });
    calls.ledger.release([{ streamId: 'a' }], START);
    for (const more of [{ deviceId: 'another' }, { mode: 'counted' }] as const) {
      assert.deepEqual(calls.acquire('a', 0, more), { outcome: 'idTaken', message });
    }
    calls.acquire('n', 0, { mode: 'counted' });
    calls.ledger.release([{ streamId: 'n' }], START);
    assert.equal(calls.acquire('n', 0).outcome, 'idTaken');
  });

  it('to whoever looks: nothing of a policy before the first acquire', () => {
    assert.deepEqual(new SessionLedger(START).view(), { active: [], ended: [], slots: 0 });
    const calls = new Calls({ plans: { family: { account: 9 } } });
    calls.acquire('a', 0, { plan: 'family' });
    const view = { active: [viewOf('a', 0)], ended: [], slots: 1, policyVersion: 1, heartbeatIntervalMs: 15_000 };
    assert.deepEqual(calls.ledger.view(), { ...view, limit: 9 });
    const [b, limit] = [calls.acquire('b'), calls.ledger.view().limit];
    assert.deepEqual([b.outcome === 'granted' && b.limit, limit], [3, 3]);
  });

  it('to a hand-off: when the stream that goes will be over, and who took its place', () => {
    const calls = new Calls({ caps: { account: 1 }, overLimit: 'evictOldest', handoffGraceMs: 10_000 });
    calls.acquire('a');
    const end = { reason: 'evicted', evictor: { kind: 'stream', streamId: 'b', deviceId: 'device of b' } };
    const reply = calls.acquire('b', 5);
    const gone = { streamId: 'a', deviceId: 'device of a', endedAt: at(10_005), end };
    assert.deepEqual(reply.outcome === 'granted' && reply.evicted, [gone]);
    assert.deepEqual(calls.ledger.view().active[0], { ...viewOf('a', 0), ending: { at: at(10_005), end } });
    assert.equal(calls.ledger.nextEndMs(), START + 10_005);
    calls.advance(10_005);
    assert.deepEqual(calls.ledger.view().ended, [gone]);
  });

  it('to an eviction: of all, where none is named, by whoever said who it is', () => {
    const calls = new Calls();
    calls.acquire('a');
    calls.acquire('b');
    const operator = { kind: 'operator' };
    const goneAt = (streamId: string, evictor: unknown) => ({
      streamId,
      deviceId: `device of ${streamId}`,
      endedAt: at(5),
      end: { reason: 'evicted', evictor },
    });
    assert.deepEqual(calls.ledger.evict({ streamIds: ['b'], by: 'eve' }, START + 5), {
      evicted: [goneAt('b', { ...operator, by: 'eve' })],
      notActive: [],
    });
    assert.deepEqual(calls.ledger.evict({}, START + 5), { evicted: [goneAt('a', operator)], notActive: [] });
  });
});

describe('the times of a ledger', () => {
  it('end streams in the order of their ends, whatever the order of their starts', () => {
    const calls = new Calls();
    calls.acquire('a');
    calls.acquire('b', 1_000);
    calls.beat('a', 3_000);
    calls.acquire('c', 4_000);
    assert.equal(calls.ledger.nextEndMs(), START + 46_000);
    calls.advance(49_000);
    assert.deepEqual(
      calls.ended().map((text) => text.slice(0, 1)),
      ['b', 'a', 'c'],
    );
  });

  for (const [call, make] of [
    ['an acquire', (calls: Calls) => calls.acquire('x', 46_000)],
    ['a beat', (calls: Calls) => calls.beat('x', 46_000)],
    ['a release', (calls: Calls) => calls.ledger.release([{ streamId: 'x' }], START + 46_000)],
    ['an eviction', (calls: Calls) => calls.ledger.evict({ streamIds: ['x'] }, START + 46_000)],
  ] as const) {
    it(`end streams with ${call} that comes after`, () => {
      const calls = new Calls({ caps: { account: 1 } });
      calls.acquire('a');
      make(calls);
      assert.deepEqual(calls.ended(), [`a expired ${at(46_000)}`]);
      assert.deepEqual(calls.active(), call === 'an acquire' ? ['x'] : []);
    });
  }

  it('give a lease once more that was over unseen for more than a beat, 5 seconds at least', () => {
    for (const [heartbeatIntervalMs, unseenMs] of [
      [1_000, 5_000],
      [15_000, 15_000],
    ] as const) {
      const seen = new Calls({ heartbeatIntervalMs });
      seen.acquire('a');
      seen.advance(45_000 + unseenMs);
      assert.deepEqual(seen.active(), []);
      const unseen = new Calls({ heartbeatIntervalMs });
      unseen.acquire('a');
      unseen.advance(45_000 + unseenMs + 1);
      assert.deepEqual(unseen.active(), ['a']);
      assert.equal(unseen.ledger.nextEndMs(), START + 45_000 + unseenMs + 1 + 45_000);
    }
  });

  it('never give it to a stream that is handed off, which ends as evicted, by its lease at the latest', () => {
    const calls = new Calls({ caps: { account: 1 }, overLimit: 'evictOldest', handoffGraceMs: 60_000 });
    calls.acquire('a');
    calls.acquire('b', 1_000);
    calls.beat('a', 40_000);
    assert.equal(calls.ledger.nextEndMs(), START + 45_000, 'a beat of it extends nothing');
    calls.beat('b', 50_000);
    calls.advance(90_000);
    assert.deepEqual(calls.ended(), [`a evicted ${at(50_000)}`]);
  });

  it('let an acquire that takes nobody’s place end no hand-off', () => {
    const caps = { account: 2, deviceTypes: { tv: 1 } };
    const calls = new Calls({ caps, overLimit: 'evictOldest', handoffGraceMs: 10_000 });
    calls.acquire('a', 0, { deviceType: 'tv' });
    calls.acquire('b', 0, { deviceType: 'tv' });
    const reply = calls.acquire('c', 5);
    assert.deepEqual(reply.outcome === 'granted' && reply.evicted, []);
    assert.deepEqual(calls.active(), ['a', 'b', 'c']);
  });

  it('let an account close when it was idle and has nothing left to remember', () => {
    assert.equal(new SessionLedger(START).idleAtMs(), START + DEFAULT_SESSION_POLICY.idleCloseMs);
    const calls = new Calls({ idleCloseMs: 100, rememberEndedMs: 50 });
    calls.acquire('a', 1_000);
    assert.equal(calls.ledger.idleAtMs(), START + 1_100);
    calls.beat('a', 2_000);
    assert.equal(calls.ledger.idleAtMs(), START + 2_100);
    calls.beat('nobody', 3_000);
    calls.advance(3_000);
    assert.equal(calls.ledger.idleAtMs(), START + 2_100, 'the clock alone and strange beats keep no account open');
    calls.ledger.release([{ streamId: 'a' }], START + 9_000);
    assert.equal(calls.ledger.idleAtMs(), START + 9_050);
    calls.advance(9_050);
    assert.deepEqual(calls.ended(), []);
    const refused = new Calls({ idleCloseMs: 100, caps: { account: 0 } });
    refused.acquire('a', 7_000);
    assert.equal(refused.ledger.idleAtMs(), START + 7_100);
  });
});

describe('what a ledger takes along into the next run', () => {
  it('is all it knows', () => {
    const shadow = { version: 7, caps: { account: 9 }, overLimit: 'refuseNewest' } as const;
    const calls = new Calls({ plans: { family: { account: 9 } }, shadow });
    calls.acquire('a', 0, { deviceType: 'tv', contentId: 'derby', plan: 'family' });
    calls.acquire('w', 1, { mode: 'watched', plan: 'family' });
    calls.acquire('n', 2, { mode: 'counted', requestId: 'r2', plan: 'family' });
    calls.acquire('n', 3, { mode: 'counted', plan: 'family' });
    calls.acquire('b', 4, { requestId: 'r3', plan: 'family' });
    calls.ledger.evict({ streamIds: ['w'] }, START + 5);
    calls.ledger.release([{ streamId: 'n', requestId: 'r4' }, { streamId: 'b' }], START + 6);
    const stream = { deviceId: 'device of a', mode: 'direct', slots: 1, startedAtMs: START, leaseMs: 45_000 } as const;
    const evicted = { reason: 'evicted', evictor: { kind: 'operator' } } as const;
    const snapshot = {
      nowMs: START + 6,
      touchedAtMs: START + 4,
      policy: calls.policy,
      plan: 'family',
      streams: [
        {
          ...stream,
          streamId: 'a',
          deviceType: 'tv',
          contentId: 'derby',
          leaseEndMs: START + 45_000,
        },
        {
          ...stream,
          streamId: 'n',
          deviceId: 'device of n',
          mode: 'counted',
          startedAtMs: START + 2,
          leaseMs: 43_200_000,
          leaseEndMs: START + 43_200_003,
        },
      ],
      ended: [
        { streamId: 'w', deviceId: 'device of w', mode: 'watched', endedAtMs: START + 5, end: evicted },
        {
          streamId: 'b',
          deviceId: 'device of b',
          requestId: 'r3',
          mode: 'direct',
          endedAtMs: START + 6,
          end: { reason: 'released' },
        },
      ],
      requests: [
        { requestId: 'r2', streamId: 'n', kind: 'acquire', atMs: START + 2 },
        { requestId: 'r4', streamId: 'n', kind: 'release', atMs: START + 6 },
      ],
      shadow: { version: 7, evaluated: 5, refused: 0 },
      notices: [{ streamId: 'w', deviceId: 'device of w', endedAt: at(5), end: evicted }],
    } as const;
    assert.deepEqual(calls.ledger.snapshot(), snapshot);
    assert.deepEqual(new SessionLedger(START + 6, snapshot).snapshot(), snapshot);
    assert.deepEqual(new SessionLedger(START, snapshot).snapshot(), snapshot, 'by a clock that went back');
    const later = new SessionLedger(START + 100, snapshot);
    assert.deepEqual(later.snapshot(), { ...snapshot, nowMs: START + 100 });
    assert.deepEqual(later.view(), { ...calls.ledger.view() });
  });

  it('is nothing else of a ledger that has seen nothing', () => {
    for (const nowMs of [0, START]) {
      const nothing = { nowMs, touchedAtMs: nowMs, streams: [], ended: [], requests: [] };
      assert.deepEqual(new SessionLedger(nowMs).snapshot(), nothing);
    }
  });

  it('has room for 200 ends that were not told', () => {
    const calls = new Calls({ caps: { account: 1 } });
    for (let index = 0; index <= 200; index++) {
      calls.acquire(`w${index}`, 0, { mode: 'watched' });
      calls.ledger.evict({}, START);
    }
    assert.deepEqual([calls.ledger.notices().length, calls.ledger.notices()[0]?.streamId], [200, 'w1']);
  });
});

describe('a ledger that is asked again', () => {
  it('knows each request by its own stream, also one on a registration that is over', () => {
    const calls = new Calls();
    calls.acquire('a', 0, { requestId: 'r1', deviceId: 'd' });
    calls.acquire('b', 0, { requestId: 'r2', deviceId: 'd' });
    const again = calls.acquire('c', 0, { requestId: 'r2', deviceId: 'd' });
    assert.equal(again.outcome === 'granted' && again.stream.streamId, 'b');
    const registered = { mode: 'counted', requestId: 'r3' } as const;
    calls.acquire('n', 0, registered);
    calls.ledger.release([{ streamId: 'n' }], START + 5);
    const over = { outcome: 'ended', streamId: 'n', end: { reason: 'released' } };
    assert.deepEqual(calls.acquire('n', 9, registered), over);
    const anew = calls.acquire('n', 10, { mode: 'counted' });
    assert.equal(anew.outcome, 'granted');
    assert.deepEqual(calls.ended(), [], 'the end of one that began anew is forgotten');
  });

  it('gives a registration a new lease with each, by the rules of the day', () => {
    const calls = new Calls();
    calls.acquire('n', 0, { mode: 'counted' });
    const later = policyWith({ version: 2, registrationLeaseMs: 1_000 });
    const reply = calls.ledger.acquire(wish('n', { mode: 'counted' }), later, START + 5);
    assert.ok(reply.outcome === 'granted');
    assert.deepEqual([reply.stream.slots, reply.stream.leaseMs, reply.expiresInMs], [2, 1_000, 1_000]);
  });

  it('takes no other policy of the same version', () => {
    const calls = new Calls({ caps: { account: 1 } });
    calls.acquire('a');
    assert.equal(calls.ledger.acquire(wish('b'), policyWith({ caps: { account: 9 } }), START).outcome, 'refused');
  });

  it('counts a shadow of another version from the start', () => {
    const shadow = { version: 7, caps: { account: 0 }, overLimit: 'refuseNewest' } as const;
    const calls = new Calls({ shadow });
    calls.acquire('a');
    calls.ledger.acquire(wish('b'), policyWith({ version: 2, shadow: { ...shadow, version: 8 } }), START);
    assert.deepEqual(calls.ledger.view().shadow, { version: 8, evaluated: 1, refused: 1 });
  });
});
