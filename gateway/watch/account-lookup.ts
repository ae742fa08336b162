import { setTimeout as sleep } from 'node:timers/promises';
import { SessionsUnavailableError } from '../../client/session-errors.ts';
import type { SessionsClient } from '../../client/sessions.ts';
import type { StreamView } from '../../contracts/sessions/session-stream.ts';
import type { SessionsView } from '../../contracts/sessions/stream-sessions.ts';
import { AccountCalls } from './account-calls.ts';
import type { StreamRef } from './beat-store.ts';
import { SharedQuestion } from './shared-question.ts';
import { isWatched } from './watched-stream.ts';

export interface AccountLookupOptions {
  readonly sessions: Pick<SessionsClient, 'list'>;
  /** Watches a stream from then on; copes by itself with a store that is away. */
  readonly adopt: (userId: string, stream: StreamView) => Promise<void>;
  /** Told when all streams of an account were adopted. */
  readonly onRead?: (userId: string) => Promise<void>;
  /** How long a beat waits for its account to be read. */
  readonly patienceMs: number;
  /** Default 50; not used with `calls`. */
  readonly readsAtOnce?: number;
  /** Bounds the reads, together with other calls on accounts. */
  readonly calls?: AccountCalls;
}

/**
 * Reads accounts whose streams the store does not know: all of them, after a loss of its data. All streams of an account that is
 * read are watched from then on. Who does not get an answer in time is told so; the account is read all the same.
 */
export class AccountLookup {
  readonly #options: AccountLookupOptions;
  readonly #account: SharedQuestion<string, SessionsView>;
  readonly #journals = new Set<Set<string>>();

  constructor(options: AccountLookupOptions) {
    this.#options = options;
    const calls =
      options.calls ?? new AccountCalls(options.readsAtOnce === undefined ? {} : { atOnce: options.readsAtOnce });
    this.#account = new SharedQuestion(
      (userId) => this.#read(userId),
      (userId, read) => calls.run(userId, read),
    );
  }

  /** @throws SessionsUnavailableError when the account was not read within `patienceMs` */
  async ask({ userId, streamId }: StreamRef, patienceMs = this.#options.patienceMs): Promise<SessionsView> {
    return await withinTime(patienceMs, 'heartbeat', this.#account.ask(userId, streamId));
  }

  /** However long it takes until the account has its turn. @throws SessionsUnavailableError */
  async list(userId: string): Promise<SessionsView> {
    return await this.#account.ask(userId, '');
  }

  /** Users whose accounts are read from now on, until it is stopped. */
  journal(): { readonly users: ReadonlySet<string>; readonly stop: () => void } {
    const users = new Set<string>();
    this.#journals.add(users);
    return { users, stop: () => this.#journals.delete(users) };
  }

  async #read(userId: string): Promise<SessionsView> {
    const { sessions, adopt, onRead } = this.#options;
    const account = await sessions.list(userId);
    for (const stream of account.active.filter(isWatched)) await adopt(userId, stream);
    await onRead?.(userId);
    for (const users of this.#journals) users.add(userId);
    return account;
  }
}

/** @throws SessionsUnavailableError when it takes longer; it goes on all the same */
export async function withinTime<Answer>(patienceMs: number, what: string, answer: Promise<Answer>): Promise<Answer> {
  const patience = new AbortController();
  const tooLate = async (): Promise<never> => {
    await sleep(patienceMs, undefined, { signal: patience.signal });
    throw new SessionsUnavailableError(what);
  };
  try {
    return await Promise.race([answer, tooLate()]);
  } finally {
    patience.abort();
  }
}
