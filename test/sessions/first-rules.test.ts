import assert from 'node:assert/strict';
import type { SessionPolicy } from '../../contracts/sessions/session-limits.ts';
import { SessionLedger, type LedgerRules } from '../../workflows/sessions/session-ledger.ts';
import { policyWith, wish } from './support/policies.ts';

const BY_RULES: readonly LedgerRules[] = ['first', 'present'];

/** What an account does by the first rules and by the present ones. */
function byRules<Outcome>(does: (ledger: SessionLedger) => Outcome): Record<string, Outcome> {
  return Object.fromEntries(BY_RULES.map((rules) => [rules, does(new SessionLedger(0, undefined, rules))]));
}

const activeOf = (ledger: SessionLedger): number => ledger.view().active.length;

describe('the rules by which accounts go whose runs began before the present ones', () => {
  const policy = policyWith();

  it('remember no release of a stream that is not known', () => {
    const outcomes = byRules((ledger) => {
      ledger.release([{ streamId: 's' }], 10);
      return ledger.acquire(wish('s'), policy, 20).outcome;
    });
    assert.deepEqual(outcomes, { first: 'granted', present: 'ended' });
  });

  it('take another content for the same request', () => {
    const outcomes = byRules((ledger) => {
      ledger.acquire(wish('s', { contentId: 'film' }), policy, 10);
      return ledger.acquire(wish('s', { contentId: 'news' }), policy, 20).outcome;
    });
    assert.deepEqual(outcomes, { first: 'granted', present: 'otherRequest' });
  });

  it('let a table of a plan stand for all of the general one', () => {
    const change: Partial<SessionPolicy> = {
      caps: { account: 9, deviceTypes: { tv: 1, phone: 1 } },
      plans: { family: { account: 8, deviceTypes: { tv: 2 } } },
    };
    const ask = (ledger: SessionLedger, id: string, more: object) => {
      const reply = ledger.acquire(wish(id, more), policyWith(change), 10);
      return reply.outcome === 'granted' ? `limit ${reply.limit}` : reply.outcome;
    };
    const replies = byRules((ledger) => [
      ask(ledger, 'a', { deviceType: 'phone', plan: 'family' }),
      ask(ledger, 'b', { deviceType: 'phone', plan: 'family' }),
      ask(ledger, 'c', { deviceType: 'tv' }),
      ask(ledger, 'd', { deviceType: 'tv' }),
    ]);
    assert.deepEqual(replies, {
      first: ['limit 8', 'limit 8', 'limit 9', 'refused'],
      present: ['limit 8', 'refused', 'limit 9', 'refused'],
    });
  });

  it('hold back the end of a silent stream by a clock that was ahead', () => {
    const left = byRules((ledger) => {
      ledger.acquire(wish('s'), policy, 1_000);
      ledger.heartbeat([{ streamId: 's' }], 3_600_000);
      ledger.advance(106_000);
      return [activeOf(ledger), ledger.snapshot().nowMs];
    });
    assert.deepEqual(left, { first: [1, 3_600_000], present: [0, 106_000] });
  });

  it('hand off however many at once', () => {
    const left = byRules((ledger) => {
      const wide = policyWith({ caps: { account: 30 }, overLimit: 'evictOldest', handoffGraceMs: 10_000 });
      for (let index = 0; index < 30; index++) ledger.acquire(wish(`s${index}`), wide, 0);
      ledger.acquire(wish('new'), { ...wide, version: 2, caps: { account: 1 } }, 10);
      return activeOf(ledger);
    });
    assert.deepEqual(left, { first: 31, present: 21 });
  });
});
