import type { StartState } from './start-judge.ts';

const MAX_RECEIVE = 10;
/** While a common trouble is suspected, one receive in this time looks for a message that starts. */
const LOOKING_EVERY_MS = 1_000;

export interface StartHealth {
  readonly state: StartState;
  /** Since when the state lasts. */
  readonly sinceMs: number;
}

/** How fast one queue may receive, by how starts go. What cannot be started is held, but the less the better. */
export class ReceivePace {
  readonly #health: StartHealth;
  readonly #probeAfterMs: number;
  #receivedMs = -Infinity;

  /** @param probeAfterMs while nothing starts, one message in this time is received nevertheless */
  constructor(health: StartHealth, probeAfterMs: number) {
    this.#health = health;
    this.#probeAfterMs = probeAfterMs;
  }

  /** How many messages the next receive may bring: 0 to 10. */
  allowance(nowMs: number): number {
    const { state, sinceMs } = this.#health;
    if (state === 'well') return MAX_RECEIVE;
    if (state === 'suspected') return nowMs - this.#receivedMs >= LOOKING_EVERY_MS ? MAX_RECEIVE : 0;
    return nowMs - Math.max(sinceMs, this.#receivedMs) >= this.#probeAfterMs ? 1 : 0;
  }

  /** A receive goes out. */
  receiving(nowMs: number): void {
    this.#receivedMs = nowMs;
  }
}
