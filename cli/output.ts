/** Where the output goes; `process.stdout` and `process.stderr` are such. */
export interface TextSink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

export interface OutputOptions {
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  /** Results as JSON; default false. */
  readonly json?: boolean;
  /** Shortest time between two progress lines where lines cannot be updated, milliseconds; default 5,000. */
  readonly plainIntervalMs?: number;
}

const CLEAR_LINE = '\r\u001B[2K';
/** Text from messages must not steer the operator's terminal. */
const STEERING = /[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]/gu;

/** The only place that prints. Results go to stdout, everything else to stderr, so that `--json` can be piped. */
export class Output {
  readonly json: boolean;
  readonly #options: OutputOptions;
  #hasProgress = false;
  #lastPlainAt = -Infinity;

  constructor(options: OutputOptions) {
    this.#options = options;
    this.json = options.json ?? false;
  }

  /** The result of a command: as one JSON document, or as the lines that `render` makes of it. */
  result<Data>(data: Data, render: (data: Data) => readonly string[]): void {
    this.#endProgress();
    if (this.json) this.#options.stdout.write(`${JSON.stringify(data, undefined, 2)}\n`);
    else for (const line of render(data)) this.#options.stdout.write(`${printable(line)}\n`);
  }

  /** A remark for the person at the terminal. */
  note(text: string): void {
    this.#endProgress();
    this.#options.stderr.write(`${printable(text)}\n`);
  }

  /** How far something long is: updated in place, or a line every few seconds where that is not possible. */
  progress(text: string): void {
    const { stderr, plainIntervalMs = 5_000 } = this.#options;
    if (stderr.isTTY) {
      stderr.write(CLEAR_LINE + printable(text));
      this.#hasProgress = true;
      return;
    }
    const now = performance.now();
    if (now - this.#lastPlainAt < plainIntervalMs) return;
    this.#lastPlainAt = now;
    stderr.write(`${printable(text)}\n`);
  }

  #endProgress(): void {
    if (this.#hasProgress) this.#options.stderr.write(CLEAR_LINE);
    this.#hasProgress = false;
  }
}

function printable(text: string): string {
  return text.replace(STEERING, (character) => (character === '\n' || character === '\t' ? character : '\uFFFD'));
}
