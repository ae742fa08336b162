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
