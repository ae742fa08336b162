/** What the terminal needs of a stream; `process.stdout` is one. */
export interface TerminalStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export interface TerminalOptions {
  /** Default false: progress is shown. */
  readonly quiet?: boolean;
  /** Shortest time between two progress lines where lines cannot be updated, milliseconds; default 5,000. */
  readonly plainIntervalMs?: number;
  readonly now?: () => number;
}

const CLEAR_LINE = '\r\u001B[2K';
const DEFAULT_COLUMNS = 80;

/** Lines, and under them one that is updated in place; plain lines where the output is no terminal. */
export class Terminal {
  readonly #stream: TerminalStream;
  readonly #quiet: boolean;
  readonly #plainIntervalMs: number;
  readonly #now: () => number;
  #progress = '';
  #lastPlainAt = -Infinity;

  constructor(stream: TerminalStream, options: TerminalOptions = {}) {
    this.#stream = stream;
    this.#quiet = options.quiet ?? false;
    this.#plainIntervalMs = options.plainIntervalMs ?? 5_000;
    this.#now = options.now ?? Date.now;
  }

  /** A line that stays. */
  line(text = ''): void {
    const progress = this.#progress;
    this.#clear();
    this.#stream.write(`${text}\n`);
    if (progress !== '') this.progress(progress);
  }

  /** A line of progress: shown unless quiet. Stays where lines cannot be updated, and comes only so often there. */
  progress(text: string): void {
    if (this.#quiet) return;
    if (this.#stream.isTTY) {
      const width = (this.#stream.columns ?? DEFAULT_COLUMNS) - 1;
      this.#stream.write(CLEAR_LINE + text.slice(0, width));
      this.#progress = text;
      return;
    }
    if (this.#now() - this.#lastPlainAt < this.#plainIntervalMs) return;
    this.#lastPlainAt = this.#now();
    this.#stream.write(`${text}\n`);
  }

  /** A line of news: as {@link line}, but not when quiet. */
  note(text: string): void {
    if (!this.#quiet) this.line(text);
  }

  /** Ends the updated line. */
  endProgress(): void {
    this.#clear();
    this.#lastPlainAt = -Infinity;
  }

  #clear(): void {
    if (this.#progress === '') return;
    this.#stream.write(CLEAR_LINE);
    this.#progress = '';
  }
}
