import { z } from 'zod';

/** Faults that tests and demos inject: what goes wrong, for which requests, and how often (default: always). */
const rule = z.strictObject({
  match: z.strictObject({ method: z.string().optional(), path: z.string().optional() }).default({}),
  fault: z.enum(['error', 'rateLimited', 'delay', 'commitThenHang', 'partialCopy']),
  /** HTTP status of `error`. */
  status: z.int().min(400).max(599).default(503),
  /** How long `delay` waits before the request is handled. */
  delayMs: z.int().min(0).max(600_000).default(1000),
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
  left: number;
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

  /**
   * The fault for this request, used once.
   * @param paths the path in the spellings a pattern may have in mind: with and without `/api/v1.0`.
   * @param copies whether the request copies activities; `partialCopy` means only those.
   */
  take(method: string, paths: readonly string[], copies: boolean): Fault | undefined {
    const found = this.#armed.find(
      ({ fault, path }) =>
        (fault.match.method === undefined || fault.match.method.toUpperCase() === method) &&
        (path === undefined || paths.some((candidate) => path.test(candidate))) &&
        (fault.fault !== 'partialCopy' || copies),
    );
    if (!found) return undefined;
    found.left -= 1;
    if (found.left <= 0) this.#armed = this.#armed.filter((candidate) => candidate !== found);
    return found.fault;
  }
}

function arm(fault: Fault): ArmedFault {
  const { path } = fault.match;
  return {
    fault,
    path: path === undefined ? undefined : new RegExp(path),
    left: fault.times ?? Number.POSITIVE_INFINITY,
  };
}
