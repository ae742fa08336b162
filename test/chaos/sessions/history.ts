import type { SessionOperation } from '../../sessions/support/session-model.ts';
import type { AccountRecord, AliveSpan, StreamStory } from './account-record.ts';
import { CLOCK_TOLERANCE_MS, POLICY, SILENCE_MS } from './policy.ts';

/**
 * What the checker is given: all calls, and for each stream that its lease may have run out, no earlier than its silence
 * allows. Calls without an answer count once each: a stream that ended never comes back, so a second time has no effect.
 */
export function historyOf(record: AccountRecord): SessionOperation[] {
  const seen = new Set<string>();
  const calls = record.operations
    .toSorted((left, right) => left.invokedAt - right.invokedAt)
    .filter(({ input, output }) => {
      if (output !== undefined || input.kind === 'list') return output !== undefined;
      const name = JSON.stringify([input.kind, 'id' in input ? input.id : '']);
      return !seen.has(name) && seen.add(name);
    });
  // Also those that nobody knows to be granted.
  const devices = new Set(calls.flatMap(({ input }) => (input.kind === 'acquire' ? [input.id] : [])));
  return [...calls, ...[...devices].flatMap((device) => expiryOf(device, record.streams.get(device), calls))];
}

function expiryOf(
  device: string,
  story: StreamStory | undefined,
  calls: readonly SessionOperation[],
): SessionOperation[] {
  const own = calls.filter(({ input }) => 'id' in input && input.id === device);
  const first = own.find(({ input, output }) => input.kind === 'acquire' && output?.outcome !== 'refused');
  if (!first) return [];
  const earliest = keptUntil(story?.alive ?? [], first.invokedAt + SILENCE_MS) - CLOCK_TOLERANCE_MS;
  const gone = own.some(({ input, output, returnedAt }) => input.kind === 'release' && output && returnedAt < earliest);
  if (gone) return [];
  return [{ input: { kind: 'expire', ids: [device] }, output: undefined, invokedAt: earliest, returnedAt: Infinity }];
}

/** Players that were told an end that nobody brought about. */
export function falseEndsOf(record: AccountRecord): string[] {
  return [...record.streams.values()].flatMap((story) => {
    const { told, alive, device, released, evicted } = story;
    if (!told) return [];
    const { reason } = told.end;
    const sentence = `${record.userId}/${device} (${[...story.streamIds].join()}) was told ${JSON.stringify(told.end)}`;
    if (reason === 'evicted') return evicted ? [] : [`${sentence}, and nobody evicted it`];
    if (reason === 'released') return released ? [] : [`${sentence}, and nobody released it`];
    if (reason === 'unknown') return [`${sentence}, though it was granted`];
    const earlyMs = Math.round(keptUntil(alive, 0) - told.returnedAt);
    if (earlyMs < CLOCK_TOLERANCE_MS) return [];
    const kept = longestGap(story) <= POLICY.leaseMs / 2 ? 'all beats in time' : 'after a longer silence before';
    return [`${sentence} ${earlyMs} ms before that may be, ${kept}`];
  });
}

/**
 * Until when no slot may be lost without another beat: as long as the answers to grants and beats proved. A beat that was answered
 * without a proof promises nothing; its player is to play on, as far as anybody knows.
 */
function keptUntil(alive: readonly AliveSpan[], atLeast: number): number {
  return alive.reduce(
    (until, { invokedAt, keptForMs = 0 }) => Math.max(until, invokedAt + Math.min(keptForMs, SILENCE_MS)),
    atLeast,
  );
}

/** Between two moments at which the player was surely heard of. */
function longestGap({ alive }: StreamStory): number {
  const spans = alive.toSorted((left, right) => left.invokedAt - right.invokedAt);
  return spans.reduce((longest, { returnedAt }, index) => {
    const before = spans[index - 1];
    return before ? Math.max(longest, returnedAt - before.invokedAt) : longest;
  }, 0);
}
