import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { SessionPolicy } from '../../contracts/sessions/session-limits.ts';
import { parseSessionPolicy } from '../../contracts/sessions/session-policy.ts';
import type { StreamMode } from '../../contracts/sessions/session-stream.ts';
import type {
  AcquireReply,
  AcquireRequest,
  Release,
  SessionsSnapshot,
} from '../../contracts/sessions/stream-sessions.ts';
import { SessionLedger } from '../../workflows/sessions/session-ledger.ts';
import { policyWith, wish } from './support/policies.ts';

const MODES: readonly StreamMode[] = ['direct', 'watched', 'counted'];

class Calls {
  ledger = new SessionLedger(0);
  readonly policy: SessionPolicy;

  constructor(change: Partial<SessionPolicy> = {}) {
    this.policy = policyWith(change);
  }

  acquire(id: string, ms: number, more: Partial<AcquireRequest> = {}): AcquireReply {
    return this.ledger.acquire(wish(id, more), this.policy, ms);
  }

  release(id: string, ms: number, more: Partial<Release> = {}): void {
    this.ledger.release([{ streamId: id, ...more }], ms);
  }

  continue(ms: number): void {
    const snapshot: SessionsSnapshot = structuredClone(this.ledger.snapshot());
    this.ledger = new SessionLedger(ms, snapshot);
  }

  active(): readonly string[] {
    return this.ledger.view().active.map(({ streamId }) => streamId);
  }
}

describe('a release that overtakes its acquire', () => {
  for (const mode of MODES) {
    it(`keeps the late acquire of a ${mode} stream from taking a slot, also in the next run, and its retry`, () => {
      const calls = new Calls();
      calls.acquire('other', 1);
      calls.release('s', 10, { requestId: 'del' });
      calls.continue(15);
      const over = { outcome: 'ended', streamId: 's', end: { reason: 'released' } };
      const put = { mode, requestId: 'put' } as const;
      assert.deepEqual(calls.acquire('s', 20, put), over);
      assert.deepEqual(calls.acquire('s', 30, put), over);
      assert.deepEqual(calls.active(), ['other']);
    });
  }

  it('is about one registration only, as the id of a counted stream is used again and again', () => {
    const calls = new Calls();
    calls.release('s', 10, { requestId: 'del' });
    calls.release('s', 10, { requestId: 'del' });
    assert.equal(calls.acquire('s', 20, { mode: 'counted', requestId: 'put-1' }).outcome, 'ended');
    assert.equal(calls.acquire('s', 20, { mode: 'counted', requestId: 'put-2' }).outcome, 'granted');
  });

  it('is no longer thought to be about a registration that comes a minute later', () => {
    const calls = new Calls();
    calls.release('s', 10, { requestId: 'del' });
    assert.equal(calls.acquire('s', 60_011, { mode: 'counted', requestId: 'put' }).outcome, 'granted');
  });

  it('without a request id is about a registration that waited with it, not about one that follows it', () => {
    const calls = new Calls();
    calls.release('waited', 10);
    assert.equal(calls.acquire('waited', 10, { mode: 'counted' }).outcome, 'ended');
    calls.release('follows', 20);
    assert.equal(calls.acquire('follows', 21, { mode: 'counted' }).outcome, 'granted');
  });

  it('is about no further registration of a stream that counts by now, though the clock was set back to the release', () => {
    const calls = new Calls();
    calls.release('s', 10_000);
    calls.acquire('s', 10_021, { mode: 'counted' });
    calls.ledger.advance(4_000);
    const further = calls.acquire('s', 4_000, { mode: 'counted' });
    assert.equal(further.outcome === 'granted' && further.stream.slots, 2);
  });

  it('leaves the request of a registration with its time, as a granted one does, and none of other streams', () => {
    const calls = new Calls();
    for (const streamId of ['counted', 'nameless', 'direct']) calls.release(streamId, 10);
    calls.acquire('counted', 10, { mode: 'counted', requestId: 'put' });
    calls.acquire('nameless', 10, { mode: 'counted' });
    calls.acquire('direct', 10, { requestId: 'post' });
    const { requests, ended } = calls.ledger.snapshot();
    assert.deepEqual(requests, [{ requestId: 'put', streamId: 'counted', kind: 'acquire', atMs: 10 }]);
    assert.equal(ended.length, 3);
  });

  it('is none where the stream was known or was reported lost: a player asks for it until it is granted', () => {
    const calls = new Calls({ rememberEndedMs: 300_000 });
    calls.release('lost', 10, { lost: true });
    assert.equal(calls.acquire('lost', 20, { mode: 'watched' }).outcome, 'granted');
    calls.acquire('counted', 20, { mode: 'counted' });
    calls.release('counted', 30);
    calls.release('counted', 30, { requestId: 'again' });
    assert.equal(calls.acquire('counted', 30, { mode: 'counted' }).outcome, 'granted');
  });

  it('is remembered as long as an end is, and of the last hundred', () => {
    const calls = new Calls({ rememberEndedMs: 1_000 });
    for (let index = 0; index <= 100; index++) calls.release(`s${index}`, 10);
    assert.equal(calls.ledger.snapshot().early?.length, 100);
    assert.equal(calls.acquire('s0', 20).outcome, 'granted');
    assert.equal(calls.acquire('s1', 20).outcome, 'ended');
    assert.equal(calls.ledger.idleAtMs(), 20 + 900_000);
    calls.ledger.advance(1_010);
    assert.equal(calls.acquire('s2', 1_010).outcome, 'granted');
    assert.equal(calls.ledger.snapshot().early, undefined);
  });
});

describe('an id that is used again for another request', () => {
  const film = { contentId: 'film', deviceType: 'tv' };
  for (const [what, change] of [
    ['another content', { contentId: 'news' }],
    ['a content, where there was none', { contentId: undefined }],
    ['another type of device', { deviceType: 'phone' }],
  ] as const) {
    for (const by of ['stream id', 'request id'] as const) {
      it(`is refused with ${what}, by ${by}, while it plays and when it is over`, () => {
        const calls = new Calls();
        const first = wish('a', { ...film, requestId: 'r' });
        const ask = (request: AcquireRequest) => calls.ledger.acquire(request, calls.policy, 10);
        assert.equal(ask(first).outcome, 'granted');
        const { requestId: _unused, ...rest } = first;
        const again = by === 'stream id' ? { ...rest } : { ...first, streamId: 'b' };
        const other = withoutAbsent({ ...again, ...change });
        const message = 'stream a was acquired for another content or type of device';
        assert.deepEqual(ask(other), { outcome: 'otherRequest', message });
        assert.equal(ask(again).outcome, 'granted');
        calls.release('a', 20);
        assert.equal(ask(other).outcome, 'otherRequest');
        assert.equal(ask(again).outcome, 'ended');
      });
    }
  }

  it('is the same request with another list of streams to evict', () => {
    const calls = new Calls();
    calls.acquire('a', 0, film);
    assert.equal(calls.acquire('a', 0, { ...film, evict: ['b'] }).outcome, 'granted');
  });
});

describe('a stream that is handed off', () => {
  it('ends when it was to end, however often it is asked for', () => {
    const calls = new Calls({ caps: { account: 1 }, overLimit: 'evictOldest', handoffGraceMs: 10_000 });
    calls.acquire('a', 0, { mode: 'watched' });
    calls.acquire('b', 0);
    for (const ms of [3_000, 9_000]) {
      const again = calls.acquire('a', ms, { mode: 'watched' });
      assert.equal(again.outcome === 'granted' && again.expiresInMs, 10_000 - ms);
      calls.ledger.heartbeat([{ streamId: 'a' }], ms);
    }
    calls.ledger.advance(10_000);
    assert.deepEqual(calls.active(), ['b']);
  });

  it('is one of 20 at most: the others of a policy that was narrowed end at once', () => {
    const calls = new Calls({ caps: { account: 200 }, overLimit: 'evictOldest', handoffGraceMs: 10_000 });
    for (let index = 0; index < 200; index++) calls.acquire(`s${index}`, 0);
    const narrow = { ...calls.policy, version: 2, caps: { account: 1 } };
    calls.ledger.acquire(wish('new'), narrow, 10);
    assert.deepEqual([calls.active().length, calls.ledger.slots()], [21, 1]);
  });
});

describe('a clock that was ahead and is set back', () => {
  const JUMP_MS = 3_600_000;

  it('lets a player that crashed be found as ever, though a beat was noted by the wrong clock', () => {
    const calls = new Calls();
    calls.acquire('a', 1_000);
    calls.ledger.heartbeat([{ streamId: 'a' }], JUMP_MS);
    calls.ledger.advance(60_000 + 46_000);
    assert.deepEqual(calls.active(), []);
  });

  it('is one that is more than five seconds ahead; until then time stands still', () => {
    const calls = new Calls();
    calls.acquire('a', 10_000);
    calls.ledger.advance(5_000);
    assert.equal(calls.ledger.snapshot().nowMs, 10_000);
    calls.ledger.advance(4_999);
    assert.equal(calls.ledger.snapshot().nowMs, 4_999);
  });

  it('may be that of an account that has seen nothing', () => {
    const ledger = new SessionLedger(JUMP_MS);
    ledger.advance(1_000);
    assert.deepEqual(ledger.snapshot(), new SessionLedger(1_000).snapshot());
  });

  it('takes back no lease that was given once more for a longer time without a server', () => {
    const calls = new Calls();
    calls.acquire('a', 0);
    calls.ledger.advance(600_000);
    calls.ledger.advance(590_000);
    assert.deepEqual([calls.active(), calls.ledger.nextEndMs()], [['a'], 590_000 + 45_000]);
  });

  it('takes back a lease that was given once more only because of it', () => {
    const calls = new Calls();
    calls.acquire('a', 1_000);
    calls.ledger.advance(JUMP_MS);
    assert.deepEqual(calls.active(), ['a']);
    calls.ledger.advance(50_000);
    assert.deepEqual(calls.ledger.view().ended[0]?.end, { reason: 'expired' });
  });

  it('leaves nothing in the future: leases, hand-offs, memories, the close of the account', () => {
    const policy = { caps: { account: 1 }, overLimit: 'evictOldest', handoffGraceMs: 10_000 } as const;
    const calls = new Calls(policy);
    calls.acquire('a', JUMP_MS, { mode: 'counted', requestId: 'r' });
    calls.acquire('b', JUMP_MS);
    calls.release('early', JUMP_MS);
    calls.ledger.advance(5_000);
    const { nowMs, touchedAtMs, streams, requests, early } = calls.ledger.snapshot();
    const now = 5_000;
    assert.deepEqual([nowMs, touchedAtMs, requests[0]?.atMs, early?.[0]?.atMs], [now, now, now, now]);
    const [a, b] = streams;
    assert.deepEqual([a?.startedAtMs, a?.ending?.atMs, b?.leaseEndMs], [now, now + 10_000, now + 45_000]);
    calls.ledger.advance(50_000);
    assert.deepEqual(calls.active(), []);
    calls.ledger.advance(50_000 + 900_000);
    assert.deepEqual(calls.ledger.view().ended, []);
  });

  it('ends no stream that beats, and lets none that is silent outlast two leases, wherever it jumps', () => {
    const everyMs = 15_000;
    fc.assert(
      fc.property(
        fc.integer({ min: 6_000, max: 10_000_000 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 0, max: everyMs }),
        (jumpMs, from, length, lateMs) => {
          const calls = new Calls();
          calls.acquire('beats', 0);
          calls.acquire('silent', 0);
          for (let beat = 1; beat <= 40; beat++) {
            const isAhead = beat >= from && beat < from + length;
            const trueMs = beat * everyMs + (beat % 2 === 0 ? lateMs : 0);
            calls.ledger.heartbeat([{ streamId: 'beats' }], trueMs + (isAhead ? jumpMs : 0));
            assert.ok(calls.active().includes('beats'), `beat ${beat}`);
            // Until it is set right, time is what the wrong clock says.
            if (!isAhead && trueMs > 120_000 + length * everyMs)
              assert.ok(!calls.active().includes('silent'), `beat ${beat}`);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('what an account carries', () => {
  it('stays far below 2 MB with the longest ids, the most streams and everything remembered', () => {
    const policy = parseSessionPolicy({
      version: 1,
      caps: { account: 200 },
      overLimit: 'evictOldest',
      handoffGraceMs: 45_000,
    });
    const id = (index: number): string => `${index}-`.padEnd(255, '界');
    for (const mode of MODES) {
      const ledger = new SessionLedger(0);
      for (let index = 0; index < 500; index++) {
        const ids = { deviceId: id(index), deviceType: id(index), contentId: id(index), requestId: id(index) };
        ledger.acquire({ streamId: id(index), ...ids, mode }, policy, index);
        ledger.release([{ streamId: id(1_000 + index), requestId: id(index) }], index);
        if (index % 3 === 0) ledger.evict({ streamIds: [id(index)], by: id(1).slice(0, 500) }, index);
      }
      const refused = ledger.acquire(
        wish('x'),
        { ...policy, version: 2, overLimit: 'refuseNewest', caps: { account: 0 } },
        600,
      );
      for (const [what, value] of Object.entries({ snapshot: ledger.snapshot(), view: ledger.view(), refused })) {
        const bytes = Buffer.byteLength(JSON.stringify(value));
        assert.ok(bytes < 1_500_000, `${what} of ${mode} streams: ${bytes} bytes`);
      }
    }
  });
});

function withoutAbsent(request: {
  [Field in keyof AcquireRequest]: AcquireRequest[Field] | undefined;
}): AcquireRequest {
  const { contentId, deviceType, ...rest } = request;
  return {
    ...wish(rest.streamId ?? '', { deviceId: rest.deviceId ?? '' }),
    ...(rest.requestId === undefined ? {} : { requestId: rest.requestId }),
    ...(contentId === undefined ? {} : { contentId }),
    ...(deviceType === undefined ? {} : { deviceType }),
  };
}
