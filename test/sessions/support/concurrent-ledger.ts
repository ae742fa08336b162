import type { SessionPolicy } from '../../../contracts/sessions/session-limits.ts';
import type { SessionsSnapshot } from '../../../contracts/sessions/stream-sessions.ts';
import { SessionLedger } from '../../../workflows/sessions/session-ledger.ts';
import { wish } from './policies.ts';
import type { SessionAnswer, SessionCall, SessionOperation } from './session-model.ts';

const IDS = ['a', 'b', 'c', 'd', 'e', 'f'];
const CALLERS = 4;
const STEPS = 60;

/** Ways to break an account that the checker must find. */
export type Defect =
  | 'admits by what it read before'
  | 'forgets ends when it continues'
  | 'forgets early releases when it continues'
  | 'takes another content for the same request'
  | 'evicts without a grant';

interface Pending {
  readonly call: SessionCall;
  readonly invokedAt: number;
  readonly seenSlots: number;
  answer?: SessionAnswer;
}

/**
 * Plays a random history of concurrent callers on one ledger: calls take effect some time after they are sent and their
 * answers come later still, or never; the caller of a lost answer asks anew. In between leases run out and the account
 * continues as new.
 */
export function playHistory(random: () => number, policy: SessionPolicy, defect?: Defect): SessionOperation[] {
  const pick = <Item>(items: readonly Item[], otherwise: Item): Item =>
    items[Math.floor(random() * items.length)] ?? otherwise;
  let ledger = new SessionLedger(0);
  let nowMs = 0;
  const history: SessionOperation[] = [];
  const callers: (Pending | undefined)[] = Array.from({ length: CALLERS });

  for (let step = 0; step < STEPS; step++) {
    const dice = random();
    if (dice < 0.05) {
      const before = activeIds(ledger);
      nowMs += Math.floor(random() * policy.leaseMs);
      ledger.advance(nowMs);
      const left = activeIds(ledger);
      const ids = before.filter((id) => !left.includes(id));
      if (ids.length > 0) record({ kind: 'expire', ids }, { outcome: 'done', ids: [] }, step, step);
      continue;
    }
    if (dice < 0.1) {
      ledger = new SessionLedger(nowMs, continued(ledger, defect));
      continue;
    }
    const index = Math.floor(random() * CALLERS);
    const pending = callers[index];
    if (!pending) {
      callers[index] = { call: randomCall(), invokedAt: step, seenSlots: ledger.slots() };
    } else if (!pending.answer) {
      if (random() < 0.1) lose(index, pending);
      else pending.answer = apply(pending);
    } else if (random() < 0.1) lose(index, pending);
    else {
      record(pending.call, pending.answer, pending.invokedAt, step);
      callers[index] = undefined;
    }
  }
  for (const pending of callers) if (pending) record(pending.call, undefined, pending.invokedAt, Infinity);
  return history;

  function record(input: SessionCall, output: SessionAnswer | undefined, invokedAt: number, returnedAt: number): void {
    history.push({ input, output, invokedAt, returnedAt });
  }

  /** The caller never hears of it and sends the same call again. */
  function lose(index: number, { call, invokedAt }: Pending): void {
    record(call, undefined, invokedAt, Infinity);
    callers[index] = { call, invokedAt: invokedAt + 0.5, seenSlots: ledger.slots() };
  }

  function randomCall(): SessionCall {
    const dice = random();
    const id = pick(IDS, 'a');
    if (dice < 0.6) return { kind: 'acquire', id, content: random() < 0.9 ? 'film' : 'news', evict: [pick(IDS, 'a')] };
    if (dice < 0.75) return { kind: 'release', id };
    return dice < 0.85 ? { kind: 'evict', id } : { kind: 'list' };
  }

  function apply({ call, seenSlots }: Pending): SessionAnswer {
    if (defect === 'admits by what it read before' && call.kind === 'acquire' && seenSlots < policy.caps.account) {
      return applyCall(ledger, call, { ...policy, version: 99, caps: { account: 99 } }, nowMs);
    }
    if (defect === 'takes another content for the same request' && call.kind === 'acquire') {
      return applyCall(ledger, { ...call, content: 'film' }, policy, nowMs);
    }
    const answer = applyCall(ledger, call, { ...policy, version: 100 + nowMs + history.length }, nowMs);
    if (defect === 'evicts without a grant' && answer.outcome === 'refused') {
      ledger.release([{ streamId: answer.conflicts[0] ?? '' }], nowMs);
    }
    return answer;
  }
}

function continued(ledger: SessionLedger, defect: Defect | undefined): SessionsSnapshot {
  // Through JSON, as the state goes in Temporal.
  const snapshot: SessionsSnapshot = structuredClone(ledger.snapshot());
  if (defect === 'forgets early releases when it continues') return { ...snapshot, early: [] };
  return defect === 'forgets ends when it continues' ? { ...snapshot, ended: [] } : snapshot;
}

function applyCall(ledger: SessionLedger, call: SessionCall, policy: SessionPolicy, nowMs: number): SessionAnswer {
  switch (call.kind) {
    case 'acquire': {
      const request = wish(call.id, { contentId: call.content ?? 'film', evict: call.evict ?? [] });
      const reply = ledger.acquire(request, policy, nowMs);
      switch (reply.outcome) {
        case 'granted':
          return { outcome: 'granted', evicted: reply.evicted.map(({ streamId }) => streamId) };
        case 'refused':
          return { outcome: 'refused', conflicts: reply.conflicts.map(({ streamId }) => streamId) };
        case 'ended':
          return { outcome: 'ended' };
        case 'otherRequest':
          return { outcome: 'otherRequest' };
        case 'idTaken':
          throw new Error(reply.message);
      }
    }
    // falls through: the inner switch is exhaustive
    case 'release':
      ledger.release([{ streamId: call.id }], nowMs);
      return { outcome: 'done', ids: [] };
    case 'evict': {
      const { evicted } = ledger.evict({ streamIds: [call.id] }, nowMs);
      return { outcome: 'done', ids: evicted.map(({ streamId }) => streamId) };
    }
    case 'list':
      return { outcome: 'done', ids: activeIds(ledger) };
    case 'expire':
      throw new Error('leases run out by the clock only');
  }
}

function activeIds(ledger: SessionLedger): string[] {
  return ledger.view().active.map(({ streamId }) => streamId);
}
