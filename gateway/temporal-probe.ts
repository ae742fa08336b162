import type { Client } from '@temporalio/client';

const INTERVAL_MS = 3_000;
const TIMEOUT_MS = 2_000;

/** Asks every few seconds whether Temporal answers, so that readiness tells the truth without a call of its own. */
export class TemporalProbe {
  readonly #client: Client;
  readonly #timer: NodeJS.Timeout;
  #reachable = true;

  constructor(client: Client) {
    this.#client = client;
    this.#timer = setInterval(() => void this.#ask(), INTERVAL_MS).unref();
  }

  reachable(): boolean {
    return this.#reachable;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #ask(): Promise<void> {
    try {
      await this.#client.withDeadline(Date.now() + TIMEOUT_MS, () => this.#client.workflowService.getSystemInfo({}));
      this.#reachable = true;
    } catch {
      this.#reachable = false;
    }
  }
}
