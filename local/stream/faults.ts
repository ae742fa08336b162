import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

/** Faults that tests and demos inject: what goes wrong, for which requests, and how often (default: always). */
const rule = z.strictObject({
  match: z
    .strictObject({
      method: z.string().optional(),
      path: z.string().optional(),
      query: z.string().optional(),
      body: z.string().optional(),
    })
    .default({}),
  fault: z.enum(['error', 'rateLimited', 'delay', 'commitThenHang', 'commitLate', 'partialCopy']),
  /** HTTP status of `error`. */
  status: z.int().min(400).max(599).default(503),
  /** Whether `error` repeats the request, headers and body, as some proxies do. */
  echoes: z.boolean().default(false),
  /** How long `delay` and `commitLate` wait before the request is handled. */
  delayMs: z.int().min(0).max(600_000).default(1000),
  /** Whether `commitLate` answers once it has committed. */
  answers: z.boolean().default(false),
  /** How many activities a follow copies under `partialCopy`. */
  copied: z.int().min(0).default(0),
  /** How far ahead `rateLimited` puts the reset. */
  retryAfterMs: z.int().min(0).default(1000),
  times: z.int().min(1).optional(),
});
const rules = z.array(rule).max(1000);

export type Fault = z.output<typeof rule>;

interface ArmedFault {
  readonly fault: Fault;
  readonly path: RegExp | undefined;
  readonly query: RegExp | undefined;
  readonly body: RegExp | undefined;
  left: number;
}

/** What a fault is matched with. */
export interface FaultTarget {
  readonly method: string;
  /** The path in the spellings a pattern may have in mind: with and without `/api/v1.0`. */
  readonly paths: readonly string[];
  /** As `URLSearchParams` writes it, without a question mark. */
  readonly query: string;
  /** The body as text. */
  readonly body: () => string;
  /** Whether the request copies activities; `partialCopy` means only those. */
  readonly copies: boolean;
}

/** Writes under `commitLate` that are still to be carried out; they wait here, whether their clients do or not. */
export class LateCommits {
  #dropping = new AbortController();
  #pending = 0;
  #handled = 0;
  #dropped = 0;

  /** Handles a request after `delayMs`, unless it is dropped before. @returns undefined when it was dropped */
  async handle<Answer>(
    delayMs: number,
    perform: (dropped: AbortSignal) => Promise<Answer>,
  ): Promise<Answer | undefined> {
    const { signal } = this.#dropping;
    this.#pending += 1;
    try {
      await sleep(delayMs, undefined, { ref: false, signal });
      const answer = await perform(signal);
      this.#handled += 1;
      return answer;
    } catch (error) {
      if (!signal.aborted) throw error;
      this.#dropped += 1;
      return undefined;
    } finally {
      this.#pending -= 1;
    }
  }

  /** Nothing of what is pending is written any more. */
  drop(): void {
    this.#dropping.abort();
    this.#dropping = new AbortController();
  }

  /** Counts since the last reset; `pending` as it is now. */
  counts(): { readonly pending: number; readonly handled: number; readonly dropped: number } {
    return { pending: this.#pending, handled: this.#handled, dropped: this.#dropped };
  }

  resetCounts(): void {
    this.#handled = 0;
    this.#dropped = 0;
  }
}

/** The faults in force. The first that matches a request and has times left takes effect, alone. */
export class FaultSwitch {
  #armed: ArmedFault[] = [];

  /** Adds faults after those in force. @returns what is wrong with them, if anything. */
  add(value: unknown): string | undefined {
    const parsed = rules.safeParse(value);
    if (!parsed.success) return z.prettifyError(parsed.error);
    try {
      this.#armed.push(...parsed.data.map(arm));
      return undefined;
    } catch (error) {
      return String(error);
    }
  }

  clear(): void {
    this.#armed = [];
  }

  /** How many faults are in force. */
  get size(): number {
    return this.#armed.length;
  }

  /** The fault for this request, used once. */
  take({ method, paths, query, body, copies }: FaultTarget): Fault | undefined {
    const found = this.#armed.find(
      ({ fault, ...armed }) =>
        (fault.match.method === undefined || fault.match.method.toUpperCase() === method) &&
        (armed.path === undefined || paths.some((candidate) => armed.path?.test(candidate))) &&
        (armed.query === undefined || armed.query.test(query)) &&
        (armed.body === undefined || armed.body.test(body())) &&
        (fault.fault !== 'partialCopy' || copies),
    );
    if (!found) return undefined;
    found.left -= 1;
    if (found.left <= 0) this.#armed = this.#armed.filter((candidate) => candidate !== found);
    return found.fault;
  }
}

function arm(fault: Fault): ArmedFault {
  return {
    fault,
    path: pattern(fault.match.path),
    query: pattern(fault.match.query),
    body: pattern(fault.match.body),
    left: fault.times ?? Number.POSITIVE_INFINITY,
  };
}

function pattern(text: string | undefined): RegExp | undefined {
  return text === undefined ? undefined : new RegExp(text);
}
