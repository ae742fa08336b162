import { setTimeout as sleep } from 'node:timers/promises';
import { SessionsUnavailableError } from '../../client/session-errors.ts';
import type { SessionsClient } from '../../client/sessions.ts';
import type { StreamView } from '../../contracts/session-stream.ts';
import type { SessionsView } from '../../contracts/stream-sessions.ts';
import type { StreamRef } from './beat-store.ts';
import { SharedQuestion } from './shared-question.ts';
import { isWatched } from './watched-stream.ts';

/**
 * More at once only wait for each other in Temporal, until all of them are too late: 10,000 players that came back to an
 * empty store got no answer for minutes.
 */
const READS_AT_ONCE = 50;

export interface AccountLookupOptions {
  readonly sessions: Pick<SessionsClient, 'list'>;
  /** Watches a stream from then on; copes by itself with a store that is away. */
  readonly adopt: (userId: string, stream: StreamView) => Promise<void>;
  /** How long a beat waits for its account to be read. */
  readonly patienceMs: number;
  readonly readsAtOnce?: number;
}

/**
 * Asks accounts for streams whose beats the store does not know: all of them, after a loss of its data. Who does not get an
 * answer in time is told to come again; the account is read all the same, and its stream watched from then on.
 */
export class AccountLookup {
  readonly #options: AccountLookupOptions;
  readonly #account: SharedQuestion<SessionsView>;
  /** Streams that beat and wait for their account to be read. */
  readonly #wanted = new Map<string, Set<string>>();

  constructor(options: AccountLookupOptions) {
    this.#options = options;
    this.#account = new SharedQuestion((userId) => this.#read(userId), options.readsAtOnce ?? READS_AT_ONCE);
  }

  /** @throws SessionsUnavailableError */
  async ask({ userId, streamId }: StreamRef): Promise<SessionsView> {
    const wanted = this.#wanted.get(userId) ?? new Set();
    this.#wanted.set(userId, wanted.add(streamId));
    const answer = this.#account.ask(userId);
    const patience = new AbortController();
    try {
      return await Promise.race([answer, this.#tooLate(patience.signal)]);
    } finally {
      patience.abort();
    }
  }

  async #tooLate(signal: AbortSignal): Promise<never> {
    await sleep(this.#options.patienceMs, undefined, { signal });
    throw new SessionsUnavailableError('heartbeat');
  }

  async #read(userId: string): Promise<SessionsView> {
    const { sessions, adopt } = this.#options;
    const wanted = this.#wanted.get(userId);
    this.#wanted.delete(userId);
    const account = await sessions.list(userId);
    const alive = account.active.filter((stream) => wanted?.has(stream.streamId) && isWatched(stream));
    for (const stream of alive) await adopt(userId, stream);
    return account;
  }
}
