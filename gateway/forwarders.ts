import type { Logger } from 'pino';

const DEFAULT_MOST = 1_000;

/**
 * Peers that brought others' requests though they are no trusted proxies, each told of once. What is known of them is bounded:
 * when there are so many, no more are remembered, and only their requests that say so themselves count as others'.
 */
export class Forwarders {
  readonly #logger: Pick<Logger, 'warn'>;
  readonly #most: number;
  readonly #peers = new Set<string>();

  /** @param most peers remembered; default 1,000 */
  constructor(logger: Pick<Logger, 'warn'>, most: number = DEFAULT_MOST) {
    this.#logger = logger;
    this.#most = most;
  }

  has(peer: string): boolean {
    return this.#peers.has(peer);
  }

  note(peer: string): void {
    if (this.#peers.size >= this.#most || this.#peers.has(peer)) return;
    this.#peers.add(peer);
    this.#logger.warn(
      { peer, ...(this.#peers.size === this.#most ? { last: true } : {}) },
      'requests come through a proxy that is not in GATEWAY_TRUSTED_PROXIES: its clients cannot be told apart, so none is ' +
        'blocked by address, and they share one wide limit for requests without a valid token',
    );
  }
}
