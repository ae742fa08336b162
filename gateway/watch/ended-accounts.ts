import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import { accountsEndedFromOutside } from '../../client/session-accounts.ts';
import type { BeatStore } from './beat-store.ts';

/** With the interval of beats, and a second or two of visibility, it stays within a lease. */
const INTERVAL_MS = 10_000;
/** How far back each check looks: as far as clocks of gateways may be ahead of Temporal's, and checks may fail in a row. */
const WINDOW_MS = 60_000;
const NAMED_IN_LOG = 20;

export interface EndedAccountsOptions {
  readonly client: Client;
  readonly store: Pick<BeatStore, 'doubt'>;
  readonly logger: Pick<Logger, 'warn'>;
  /** Milliseconds between checks; default 10,000. */
  readonly intervalMs?: number;
}

/**
 * Looks for accounts that were terminated, reset or timed out: no code of theirs ran that could have told of it. What becomes of
 * their streams they are asked with the next beats. A deleted one is not seen here: it is noticed when a beat is next passed on.
 */
export class EndedAccounts {
  readonly #options: EndedAccountsOptions;
  readonly #timer: NodeJS.Timeout;
  /** When which account was found, by user. */
  readonly #found = new Map<string, number>();
  #checking: Promise<void> | undefined;

  constructor(options: EndedAccountsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.check(), options.intervalMs ?? INTERVAL_MS).unref();
  }

  async check(): Promise<void> {
    this.#checking ??= this.#check()
      // What Temporal or the store lack is said elsewhere; the next check looks as far back.
      .catch(() => undefined)
      .finally(() => (this.#checking = undefined));
    await this.#checking;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#checking;
  }

  async #check(): Promise<void> {
    const { client, store, logger } = this.#options;
    const nowMs = performance.now();
    for (const [userId, foundAtMs] of this.#found) if (nowMs - foundAtMs > WINDOW_MS) this.#found.delete(userId);
    const users = new Set<string>();
    for await (const userId of accountsEndedFromOutside(client, new Date(Date.now() - WINDOW_MS))) {
      if (!this.#found.has(userId)) users.add(userId);
    }
    if (users.size === 0) return;
    const streams = await store.doubt(users);
    for (const userId of users) this.#found.set(userId, nowMs);
    logger.warn(
      { accounts: users.size, some: [...users].slice(0, NAMED_IN_LOG), streams },
      'accounts were ended from outside; they are asked for their streams with the next beats',
    );
  }
}
