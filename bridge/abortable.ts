/** Settles as the promise does, or rejects with the signal's reason as soon as that aborts; the work itself goes on. */
export async function abortable<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Aborts its signal after a time of which waits can be left out. */
export class TimeLimit {
  readonly #controller = new AbortController();
  readonly #message: string;
  #leftMs: number;
  #startedMs = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param message of the error that the signal aborts with */
  constructor(limitMs: number, message: string) {
    this.#leftMs = limitMs;
    this.#message = message;
    this.#start();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The time stands still until the wait is over. */
  async suspendFor<Value>(wait: Promise<Value>): Promise<Value> {
    this.clear();
    this.#leftMs -= performance.now() - this.#startedMs;
    try {
      return await wait;
    } finally {
      this.#start();
    }
  }

  clear(): void {
    clearTimeout(this.#timer);
  }

  #start(): void {
    this.#startedMs = performance.now();
    this.#timer = setTimeout(() => this.#controller.abort(new Error(this.#message)), Math.max(0, this.#leftMs));
  }
}

/** Wakes whoever waits for a condition to be looked at again. */
export class Bell {
  #next = Promise.withResolvers<void>();

  ring(): void {
    const rung = this.#next;
    this.#next = Promise.withResolvers<void>();
    rung.resolve();
  }

  /** @throws the signal's reason when that aborts first */
  wait(signal?: AbortSignal): Promise<void> {
    return signal ? abortable(this.#next.promise, signal) : this.#next.promise;
  }
}
