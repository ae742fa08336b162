/** Lets loops sleep until something changes or a time is over, whichever comes first. */
export class Alarm {
  readonly #sleepers = new Set<() => void>();

  /** Wakes everyone who sleeps now. */
  ring(): void {
    for (const wake of this.#sleepers) wake();
  }

  /** @param ms default: without end */
  async sleep(ms?: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = ms === undefined ? undefined : setTimeout(resolve, ms);
    this.#sleepers.add(resolve);
    await promise;
    this.#sleepers.delete(resolve);
    clearTimeout(timer);
  }
}
