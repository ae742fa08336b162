import type { Bell } from './abortable.ts';
import type { InHand } from './in-hand.ts';
import type { ReceivePace } from './receive-pace.ts';
import type { RetryGate } from './retry-gate.ts';
import type { QueueMessage, SqsQueue } from './sqs-queue.ts';

/**
 * A receive that was sent less than this before the stop may be answered already; given up, its messages would stay
 * invisible for the whole time-out. An older one is an empty long poll and is aborted at once.
 */
const ANSWER_WINDOW_MS = 150;

export interface ReceiverOptions {
  readonly source: SqsQueue;
  readonly gate: RetryGate;
  readonly hand: InHand<QueueMessage>;
  readonly pace: ReceivePace;
  /** Rung whenever a receive may have become possible. */
  readonly changed: Bell;
  readonly receivesInFlight: number;
  readonly longPollSeconds: number;
  readonly visibilityTimeoutSeconds: number;
  /** Takes what a receive brought, nothing perhaps, in place of the slots reserved for it. */
  readonly take: (messages: readonly QueueMessage[], slots: number) => void;
}

/** Receives from one queue, several requests at a time, as long as there are free slots and starts succeed. */
export class Receiver {
  readonly #options: ReceiverOptions;

  constructor(options: ReceiverOptions) {
    this.#options = options;
  }

  /** Runs until the signal aborts. */
  async run(stopping: AbortSignal): Promise<void> {
    await Promise.all(Array.from({ length: this.#options.receivesInFlight }, () => this.#loop(stopping)));
  }

  async #loop(stopping: AbortSignal): Promise<void> {
    const { hand, pace, changed, take } = this.#options;
    while (!stopping.aborted) {
      const slots = hand.reserve(pace.allowance(performance.now()));
      if (slots === 0) {
        await changed.wait(stopping).catch(() => undefined);
      } else {
        pace.receiving(performance.now());
        take(await this.#receive(slots, stopping), slots);
      }
    }
  }

  async #receive(slots: number, stopping: AbortSignal): Promise<readonly QueueMessage[]> {
    const { source, gate, longPollSeconds, visibilityTimeoutSeconds } = this.#options;
    try {
      return await gate.attempt(async (probing) => {
        using abort = abortAfterStop(stopping);
        const waitSeconds = probing ? 0 : longPollSeconds;
        return await source.receive({ maxMessages: slots, waitSeconds, visibilityTimeoutSeconds }, abort.signal);
      }, stopping);
    } catch {
      // The gate has told of it and holds back the next receive; an abort is no error.
      return [];
    }
  }
}

function abortAfterStop(stopping: AbortSignal): Disposable & { readonly signal: AbortSignal } {
  const sentAtMs = performance.now();
  const abort = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const onStop = () => {
    const remainingMs = ANSWER_WINDOW_MS - (performance.now() - sentAtMs);
    if (remainingMs <= 0) abort.abort();
    else timer = setTimeout(() => abort.abort(), remainingMs);
  };
  stopping.addEventListener('abort', onStop, { once: true });
  return {
    signal: abort.signal,
    [Symbol.dispose]: () => {
      stopping.removeEventListener('abort', onStop);
      clearTimeout(timer);
    },
  };
}
