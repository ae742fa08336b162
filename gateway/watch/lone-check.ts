import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import { otherGateways } from './other-gateways.ts';

const INTERVAL_MS = 60_000;

export interface LoneCheckOptions {
  readonly client: Client;
  readonly logger: Pick<Logger, 'error'>;
  /** Of this gateway's own worker. */
  readonly identity: string;
  readonly intervalMs?: number;
}

/**
 * Whether a gateway without a shared store is alone, as it must be: two would end each other's streams.
 */
export class LoneCheck {
  readonly #options: LoneCheckOptions;
  readonly #timer: NodeJS.Timeout;
  #alone = true;

  constructor(options: LoneCheckOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.check(), options.intervalMs ?? INTERVAL_MS).unref();
  }

  alone(): boolean {
    return this.#alone;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async check(nowMs: number = Date.now()): Promise<void> {
    const { client, logger, identity } = this.#options;
    try {
      const others = await otherGateways(client, identity, nowMs);
      this.#alone = others.length === 0;
      if (this.#alone) return;
      logger.error(
        { others },
        'another gateway is at work, and they share no store: each ends streams that beat at the other. Set GATEWAY_REDIS_URL',
      );
    } catch {
      // Without an answer nothing is known; what Temporal lacks is said elsewhere.
    }
  }
}
