import assert from 'node:assert/strict';
import type { SessionPolicy } from '../../contracts/sessions/session-limits.ts';
import type { AcquireReply, AcquireRequest } from '../../contracts/sessions/stream-sessions.ts';
import { SessionLedger } from '../../workflows/sessions/session-ledger.ts';
import { policyWith, wish } from './support/policies.ts';

const START = Date.UTC(2026, 0, 1);

describe('the ledger of an account', () => {
  it('grants up to the cap and then names the streams in the way', () => {
    const account = new Account();
    for (const id of ['a', 'b', 'c']) assert.equal(account.acquire(id).outcome, 'granted');
    const reply = account.acquire('d');
    assert(reply.outcome === 'refused');
    assert.deepEqual(
      reply.conflicts.map(({ streamId }) => streamId),
      ['a', 'b', 'c'],
    );
    assert.deepEqual(reply.violation, { cap: 'account', limit: 3, active: 3 });
  });

  it('answers the same stream id with the same stream, and takes no second slot', () => {
    const account = new Account();
    account.acquire('a');
    account.after(1_000);
    const again = account.acquire('a');
    assert(again.outcome === 'granted');
    assert.equal(again.repeated, true);
    assert.equal(again.active, 1);
    assert.equal(again.stream.startedAt, new Date(START).toISOString());
  });

  it('answers the same request id with the stream it made, also as a new run and when it ended', () => {
    let account = new Account();
    account.acquire('a', { requestId: 'r', deviceId: 'd' });
    account = account.continued();
    const again = account.acquire('another', { requestId: 'r', deviceId: 'd' });
    assert(again.outcome === 'granted');
    assert.equal(again.stream.streamId, 'a');
    account.ledger.release([{ streamId: 'a' }], account.nowMs);
    const late = account.continued().acquire('third', { requestId: 'r', deviceId: 'd' });
    assert.deepEqual(late, { outcome: 'ended', streamId: 'a', end: { reason: 'released' } });
  });

  it('does not let two devices share a slot by sharing an id', () => {
    const account = new Account();
    account.acquire('a', { deviceId: 'd1', requestId: 'r' });
    assert.equal(account.acquire('a', { deviceId: 'd2' }).outcome, 'idTaken');
    assert.equal(account.acquire('b', { deviceId: 'd2', requestId: 'r' }).outcome, 'idTaken');
    assert.equal(account.acquire('a', { deviceId: 'd1', mode: 'counted' }).outcome, 'idTaken');
  });

  it('ends a stream whose lease is over and says so, until that is forgotten', () => {
    const account = new Account();
    account.acquire('a');
    assert.equal(account.ledger.nextEndMs(), START + 45_000);
    account.after(44_999);
    assert.equal(account.ledger.slots(), 1);
    account.after(1);
    assert.equal(account.ledger.slots(), 0);
    assert.deepEqual(account.endOf('a'), { reason: 'expired' });
    assert.deepEqual(account.acquire('a'), { outcome: 'ended', streamId: 'a', end: { reason: 'expired' } });
    account.after(900_000);
    assert.equal(account.endOf('a'), undefined);
  });

  it('extends a stream by the time of the server, also when the beat comes after its lease but before its end', () => {
    const account = new Account();
    account.acquire('a');
    account.nowMs += 46_000;
    account.ledger.heartbeat([{ streamId: 'a' }, { streamId: 'nobody' }], account.nowMs);
    assert.equal(account.ledger.nextEndMs(), account.nowMs + 45_000);
    account.ledger.heartbeat([{ streamId: 'a' }], account.nowMs - 4_000);
    assert.equal(account.ledger.nextEndMs(), account.nowMs + 45_000, 'a clock that is a little behind changes nothing');
  });

  it('gives a lease that ended while nobody looked once more, and only once', () => {
    const account = new Account();
    account.acquire('a');
    account.acquire('registered', { mode: 'counted' });
    account.after(45_000 + 15_001);
    assert.equal(account.ledger.slots(), 2);
    account.after(45_000 + 15_001);
    assert.deepEqual(account.endOf('a'), { reason: 'expired' });
    account.after(86_400_000);
    assert.equal(account.ledger.slots(), 0, 'a registration never beats: no beat can have been missed');
  });

  it('gives watched streams and registrations leases of their own', () => {
    const account = new Account();
    const watched = account.acquire('a', { mode: 'watched' });
    const counted = account.acquire('b', { mode: 'counted' });
    assert(watched.outcome === 'granted' && counted.outcome === 'granted');
    assert.deepEqual([watched.expiresInMs, counted.expiresInMs], [10_800_000, 43_200_000]);
    account.ledger.release([{ streamId: 'a', lost: true }], account.nowMs);
    assert.deepEqual(account.endOf('a'), { reason: 'expired' });
  });

  it('notes the ends of watched streams that did not come from their watcher, until they are told', () => {
    const account = new Account({ overLimit: 'evictNamed', caps: { account: 9 } });
    const watched = ['silent', 'stopped', 'evicted', 'let go', 'ran out'];
    for (const id of watched) account.acquire(id, { mode: 'watched' });
    account.acquire('direct');
    account.ledger.release([{ streamId: 'silent', lost: true }], account.nowMs);
    account.ledger.release([{ streamId: 'stopped', byWatcher: true }], account.nowMs);
    assert.deepEqual(account.ledger.notices(), []);
    account.ledger.evict({ streamIds: ['evicted', 'direct'], by: 'ann' }, account.nowMs);
    account.ledger.release([{ streamId: 'let go' }], account.nowMs);
    const first = account.ledger.notices();
    assert.deepEqual(
      first.map(({ streamId, end }) => [streamId, end.reason]),
      [
        ['evicted', 'evicted'],
        ['let go', 'released'],
      ],
    );
    account.after(20_000_000);
    account.after(20_000_000);
    assert.equal(account.ledger.notices().length, 3);
    const carried = account.ledger.snapshot().notices;
    assert.equal(carried?.length, 3, 'notices go along when the run continues as new');
    account.ledger.dropNotices(first);
    assert.deepEqual(
      account.ledger.notices().map(({ streamId }) => streamId),
      ['ran out'],
    );
  });

  it('takes no loss of a stream it heard of lately by another way', () => {
    const account = new Account();
    account.acquire('a', { mode: 'watched' });
    account.after(40_000);
    account.ledger.heartbeat([{ streamId: 'a' }], account.nowMs);
    account.after(5_000);
    account.ledger.release([{ streamId: 'a', lost: true, silentMs: 30_000 }], account.nowMs);
    assert.equal(account.ledger.slots(), 1);
    account.after(25_000);
    account.ledger.release([{ streamId: 'a', lost: true, silentMs: 30_000 }], account.nowMs);
    assert.deepEqual(account.endOf('a'), { reason: 'expired' });
  });

  it('takes a loss only for streams that are watched', () => {
    const account = new Account();
    account.acquire('direct');
    account.acquire('counted', { mode: 'counted' });
    const lost = ['direct', 'counted'].map((streamId) => ({ streamId, lost: true }));
    account.ledger.release(lost, account.nowMs);
    assert.equal(account.ledger.slots(), 2);
  });

  it('counts a registration once per acquire, and frees one slot per release', () => {
    const account = new Account();
    const acquire = (requestId?: string) =>
      account.acquire('a', { mode: 'counted', ...(requestId === undefined ? {} : { requestId }) });
    assert.equal(acquire('r1').outcome, 'granted');
    acquire('r1');
    assert.equal(account.ledger.slots(), 1, 'a retry of the same request counts once');
    acquire();
    acquire();
    assert.equal(acquire().outcome, 'refused');
    account.ledger.release([{ streamId: 'a', requestId: 'x' }], account.nowMs);
    account.ledger.release([{ streamId: 'a', requestId: 'x' }], account.nowMs);
    assert.equal(account.ledger.slots(), 2);
    account.ledger.release([{ streamId: 'a' }, { streamId: 'a' }, { streamId: 'a' }], account.nowMs);
    assert.equal(account.ledger.slots(), 0);
    const anew = acquire('r2');
    assert(anew.outcome === 'granted');
    assert.equal(anew.stream.slots, 1, 'the id of a registration may be used anew');
  });

  it('releases once, however often it is asked', () => {
    const account = new Account();
    account.acquire('a');
    account.ledger.release([{ streamId: 'a' }], account.nowMs);
    account.after(10);
    account.ledger.release([{ streamId: 'a', lost: true }, { streamId: 'never' }], account.nowMs);
    assert.deepEqual(account.endOf('a'), { reason: 'released' });
    assert.equal(account.ledger.view().ended[0]?.endedAt, new Date(START).toISOString());
  });

  it('tells who evicted a stream', () => {
    const account = new Account({ overLimit: 'evictOldest', caps: { account: 1 } });
    account.acquire('a');
    const reply = account.acquire('b', { deviceId: 'tv', deviceType: 'television' });
    assert(reply.outcome === 'granted');
    const evictor = { kind: 'stream', streamId: 'b', deviceId: 'tv', deviceType: 'television' };
    assert.deepEqual(account.endOf('a'), { reason: 'evicted', evictor });
    assert.deepEqual(reply.evicted[0]?.end, { reason: 'evicted', evictor });
    const { evicted, notActive } = account.ledger.evict(
      { streamIds: ['b', 'a', 'x'], by: 'carol', reason: 'shared' },
      account.nowMs,
    );
    assert.deepEqual(evicted[0]?.end, {
      reason: 'evicted',
      evictor: { kind: 'operator', by: 'carol', reason: 'shared' },
    });
    assert.deepEqual(notActive, [{ streamId: 'a', end: { reason: 'evicted', evictor } }, { streamId: 'x' }]);
  });

  it('evicts no second time when an acquire is repeated', () => {
    const account = new Account({ overLimit: 'evictNamed', caps: { account: 2 } });
    for (const id of ['a', 'b']) account.acquire(id);
    account.acquire('c', { evict: ['a'] });
    assert.equal(account.acquire('c', { evict: ['b'] }).outcome, 'granted');
    assert.deepEqual(account.active(), ['b', 'c']);
  });

  it('lets a stream that is handed off play on for its grace, without a slot, one hand-off at a time', () => {
    const account = new Account({ overLimit: 'evictOldest', caps: { account: 1 }, handoffGraceMs: 10_000 });
    account.acquire('a');
    account.acquire('b');
    assert.deepEqual([account.active(), account.ledger.slots()], [['a', 'b'], 1]);
    account.after(5_000);
    account.ledger.heartbeat([{ streamId: 'a' }], account.nowMs);
    account.after(5_000);
    assert.deepEqual(account.active(), ['b'], 'beats do not prolong the grace');
    account.acquire('c');
    account.acquire('d');
    assert.deepEqual(account.active(), ['c', 'd'], 'b had to go at once');
    assert.equal(account.acquire('c').outcome, 'granted', 'still playing');
  });

  it('takes over a later policy with the next acquire, and never an earlier one', () => {
    const account = new Account({ version: 2, caps: { account: 2 } });
    for (const id of ['a', 'b']) account.acquire(id);
    account.policy = policyWith({ version: 1, caps: { account: 9 } });
    assert.equal(account.acquire('c').outcome, 'refused');
    account.policy = policyWith({ version: 3, caps: { account: 3 } });
    assert.equal(account.acquire('c').outcome, 'granted');
    account.policy = policyWith({ version: 4, caps: { account: 1 } });
    const reply = account.acquire('d');
    assert(reply.outcome === 'refused');
    assert.deepEqual([reply.active, reply.limit, account.active().length], [3, 1, 3], 'nobody ends by a lower cap');
  });

  it('counts whom a shadow policy would have refused', () => {
    const shadow = { version: 7, caps: { account: 1 }, overLimit: 'refuseNewest' } as const;
    const account = new Account({ shadow });
    const replies = ['a', 'b', 'b', 'c', 'd'].map((id) => account.acquire(id));
    assert.deepEqual(
      replies.map((reply) => [reply.outcome, 'shadowRefused' in reply]),
      [
        ['granted', false],
        ['granted', true],
        ['granted', false],
        ['granted', true],
        ['refused', true],
      ],
    );
    assert.deepEqual(account.ledger.view().shadow, { version: 7, evaluated: 4, refused: 3 });
  });

  it('remembers a bounded number of ends, and may be given up when all are forgotten', () => {
    const account = new Account();
    for (let index = 0; index < 500; index++) {
      account.acquire(`s${index}`, { requestId: `r${index}` });
      account.ledger.release([{ streamId: `s${index}` }], account.nowMs);
    }
    assert.equal(account.ledger.view().ended.length, 200);
    assert.ok(JSON.stringify(account.ledger.snapshot()).length < 100_000);
    assert.equal(account.ledger.idleAtMs(), account.nowMs + 900_000);
    assert.equal(account.ledger.nextEndMs(), undefined);
  });
});

class Account {
  nowMs = START;
  policy: SessionPolicy;
  ledger = new SessionLedger(START);

  constructor(change: Partial<SessionPolicy> = {}) {
    this.policy = policyWith(change);
  }

  acquire(id: string, more: Partial<AcquireRequest> = {}): AcquireReply {
    return this.ledger.acquire(wish(id, more), this.policy, this.nowMs);
  }

  after(ms: number): void {
    this.nowMs += ms;
    this.ledger.advance(this.nowMs);
  }

  active(): string[] {
    return this.ledger.view().active.map(({ streamId }) => streamId);
  }

  endOf(id: string) {
    return this.ledger.view().ended.find(({ streamId }) => streamId === id)?.end;
  }

  /** As after continue-as-new: the state went through JSON. */
  continued(): Account {
    const next = new Account();
    next.nowMs = this.nowMs;
    next.policy = this.policy;
    next.ledger = new SessionLedger(this.nowMs, JSON.parse(JSON.stringify(this.ledger.snapshot())));
    return next;
  }
}
