import assert from 'node:assert/strict';
import type { SessionPolicy } from '../../contracts/sessions/session-limits.ts';
import { SessionLedger } from '../../workflows/sessions/session-ledger.ts';
import { policyWith, wish } from './support/policies.ts';

const NOW_MS = Date.parse('2030-01-01T00:00:00Z');

describe('a switch of content', () => {
  function account(policy: SessionPolicy, ...contents: readonly (string | undefined)[]): SessionLedger {
    const ledger = new SessionLedger(NOW_MS);
    contents.forEach((contentId, index) => {
      const request = wish(`s${index}`, { mode: 'watched', ...(contentId === undefined ? {} : { contentId }) });
      assert.equal(ledger.acquire(request, policy, NOW_MS).outcome, 'granted');
    });
    return ledger;
  }
  const contentsOf = (ledger: SessionLedger) => ledger.view().active.map(({ contentId }) => contentId);

  it('keeps the slot and extends the lease, also where the cap of the account was lowered since', () => {
    const ledger = account(policyWith({ caps: { account: 2 } }), 'film', undefined);
    ledger.acquire(wish('later'), policyWith({ version: 2, caps: { account: 1 } }), NOW_MS);
    const reply = ledger.switchContent({ streamId: 's0', contentId: 'news' }, NOW_MS + 1_000);
    assert(reply.outcome === 'switched');
    assert.deepEqual([reply.stream.contentId, reply.stream.startedAt], ['news', '2030-01-01T00:00:00.000Z']);
    assert.equal(Date.parse(reply.stream.leaseEndsAt), NOW_MS + 1_000 + reply.stream.leaseMs);
    assert.equal(reply.expiresInMs, reply.stream.leaseMs);
    assert.deepEqual([ledger.slots(), contentsOf(ledger)], [2, ['news', undefined]]);
  });

  it('is refused where a cap by content is reached, by other streams than itself', () => {
    const policy = policyWith({ caps: { account: 9, content: 1, contents: { final: 0 } } });
    const ledger = account(policy, 'film', 'news');
    const refused = ledger.switchContent({ streamId: 's0', contentId: 'news' }, NOW_MS);
    assert(refused.outcome === 'refused');
    assert.deepEqual(refused.violation, { cap: 'content', key: 'news', limit: 1, active: 1 });
    assert.deepEqual(
      refused.conflicts.map(({ streamId }) => streamId),
      ['s1'],
    );
    assert.equal(ledger.switchContent({ streamId: 's0', contentId: 'final' }, NOW_MS).outcome, 'refused');
    assert.deepEqual(contentsOf(ledger), ['film', 'news']);
    assert.equal(ledger.switchContent({ streamId: 's0', contentId: 'film' }, NOW_MS).outcome, 'switched');
  });

  it('makes room as the policy says', () => {
    const policy = policyWith({ caps: { account: 9, content: 1 }, overLimit: 'evictOldest' });
    const ledger = account(policy, 'film', 'news');
    const reply = ledger.switchContent({ streamId: 's1', contentId: 'film' }, NOW_MS);
    assert(reply.outcome === 'switched');
    assert.deepEqual(
      reply.evicted.map(({ streamId, end }) => [streamId, end.reason]),
      [['s0', 'evicted']],
    );
    assert.deepEqual(contentsOf(ledger), ['film']);
  });

  it('goes by the plan of the account', () => {
    const policy = policyWith({ caps: { account: 9, content: 1 }, plans: { family: { content: 2 } } });
    const ledger = new SessionLedger(NOW_MS);
    for (const [streamId, contentId] of [['a', 'film'] as const, ['b', 'news'] as const])
      ledger.acquire(wish(streamId, { contentId, plan: 'family' }), policy, NOW_MS);
    assert.equal(ledger.switchContent({ streamId: 'a', contentId: 'news' }, NOW_MS).outcome, 'switched');
  });

  it('tells why a stream cannot: it is over, hands over, counts, or is not known', () => {
    const policy = policyWith({ caps: { account: 1 }, overLimit: 'evictOldest', handoffGraceMs: 10_000 });
    const ledger = account(policy, 'film');
    ledger.acquire(wish('s1', { mode: 'watched' }), policy, NOW_MS);
    const handedOver = ledger.switchContent({ streamId: 's0', contentId: 'x' }, NOW_MS);
    assert(handedOver.outcome === 'ended' && handedOver.end?.reason === 'evicted');
    ledger.release([{ streamId: 's1' }], NOW_MS);
    assert.deepEqual(ledger.switchContent({ streamId: 's1', contentId: 'x' }, NOW_MS), {
      outcome: 'ended',
      end: { reason: 'released' },
    });
    assert.deepEqual(ledger.switchContent({ streamId: 'nobody', contentId: 'x' }, NOW_MS), { outcome: 'ended' });
    ledger.acquire(wish('tv', { mode: 'counted' }), policy, NOW_MS);
    assert.deepEqual(ledger.switchContent({ streamId: 'tv', contentId: 'x' }, NOW_MS), {
      outcome: 'idTaken',
      message: 'stream tv counts and plays nothing',
    });
  });

  it('leaves a retry of the acquire what it was, in this run and the next, and once the stream is over', () => {
    const policy = policyWith();
    const request = wish('a', { contentId: 'film', requestId: 'key' });
    let ledger = new SessionLedger(NOW_MS);
    ledger.acquire(request, policy, NOW_MS);
    for (const contentId of ['news', 'sport']) ledger.switchContent({ streamId: 'a', contentId }, NOW_MS);
    for (const run of ['this', 'next']) {
      const again = ledger.acquire(request, policy, NOW_MS);
      assert(again.outcome === 'granted' && again.repeated && again.stream.contentId === 'sport', run);
      assert.equal(ledger.acquire({ ...request, contentId: 'sport' }, policy, NOW_MS).outcome, 'granted');
      assert.equal(ledger.acquire({ ...request, contentId: 'news' }, policy, NOW_MS).outcome, 'otherRequest');
      ledger = new SessionLedger(NOW_MS, ledger.snapshot());
    }
    ledger.release([{ streamId: 'a' }], NOW_MS);
    assert.equal(ledger.acquire(request, policy, NOW_MS).outcome, 'ended');
    assert.equal(ledger.acquire({ ...request, contentId: 'other' }, policy, NOW_MS).outcome, 'otherRequest');
  });
});
