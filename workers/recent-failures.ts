import type { DestinationStream } from 'pino';

const KEPT = 50;
/** pino's numbers: warn is 40. */
const LEVEL = /^\{"level":(\d+)/;
const WARN = 40;

/** The last lines of the log that tell of something wrong, for `/diagnostics`: as they were written, without secrets. */
export class RecentFailures {
  readonly #lines: string[] = [];

  /** Passes every line on, and keeps those from `warn` on. */
  tee(destination: DestinationStream): DestinationStream {
    return {
      write: (line) => {
        destination.write(line);
        if (Number(LEVEL.exec(line)?.[1] ?? 0) < WARN) return;
        this.#lines.push(line);
        if (this.#lines.length > KEPT) this.#lines.shift();
      },
    };
  }

  /** The latest last. */
  list(): readonly unknown[] {
    return this.#lines.map((line): unknown => {
      try {
        return JSON.parse(line);
      } catch {
        return line;
      }
    });
  }
}
