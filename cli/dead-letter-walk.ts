import type { DeadLetterQueue, HeldLetter } from './dead-letter-queue.ts';

/** Receives in a row that bring nothing new before the queue counts as seen. */
const MAX_FRUITLESS_RECEIVES = 3;
const VISIBILITY_SECONDS = 60;

/** What a visitor did with a message: it is gone from the queue, it stays, or the walk is to end before it. */
export type Verdict = 'gone' | 'stays' | 'end';

export interface WalkOptions {
  readonly signal: AbortSignal;
  /** Most seconds the visitor needs for 10 messages; default 0. They are kept from other readers for a minute longer. */
  readonly secondsForTen?: number;
}

/**
 * Shows every message of a dead-letter queue to a visitor, once each. What stays is given back at the end, also after a
 * failure or an abort; should the process be killed, it is visible again a minute later.
 */
export async function walkDeadLetters(
  queue: DeadLetterQueue,
  visit: (held: HeldLetter) => Promise<Verdict>,
  { signal, secondsForTen = 0 }: WalkOptions,
): Promise<void> {
  const visibilitySeconds = Math.min(VISIBILITY_SECONDS + Math.ceil(secondsForTen), 43_200);
  // By id, with the latest receipt: a long walk may receive a message again whose visibility ended.
  const held = new Map<string, HeldLetter>();
  const seen = new Set<string>();
  let ended = false;
  try {
    for (let fruitless = 0; !ended && fruitless < MAX_FRUITLESS_RECEIVES;) {
      const received = await receiveUnlessAborted(queue, visibilitySeconds, signal);
      if (received.length === 0) return;
      for (const each of received) held.set(each.letter.messageId, each);
      const unseen = received.filter(({ letter }) => !seen.has(letter.messageId));
      fruitless = unseen.length === 0 ? fruitless + 1 : 0;
      for (const each of unseen) {
        const { messageId } = each.letter;
        const verdict = signal.aborted ? 'end' : await visit(each);
        ended = verdict === 'end';
        if (ended) break;
        seen.add(messageId);
        if (verdict === 'gone') held.delete(messageId);
      }
    }
  } finally {
    await queue.giveBack([...held.values()]);
  }
}

async function receiveUnlessAborted(
  queue: DeadLetterQueue,
  visibilitySeconds: number,
  signal: AbortSignal,
): Promise<readonly HeldLetter[]> {
  if (signal.aborted) return [];
  try {
    return await queue.receive(visibilitySeconds, signal);
  } catch (error) {
    if (signal.aborted) return [];
    throw error;
  }
}
