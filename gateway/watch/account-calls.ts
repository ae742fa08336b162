import type { Logger } from 'pino';
import { SessionsUnavailableError } from '../../client/session-errors.ts';

/**
 * More at once only wait for each other in Temporal, until all of them are too late: 10,000 players that came back to an
 * empty store got no answer for minutes.
 */
const CALLS_AT_ONCE = 50;
/** Calls of accounts that did not answer before, apart from the others: so many at once, and so many wait. */
const UNRESPONSIVE_AT_ONCE = 10;
const UNRESPONSIVE_WAITING = 200;
/** While nobody at all is answered for so long, others get their turns beside those that wait, up to so many times the usual. */
const STALL_MS = 1_000;
const MOST_STALLED_ROUNDS = 8;
const UNRESPONSIVE_REMEMBERED = 10_000;
const NAMED_IN_LOG = 20;
const LOG_INTERVAL_MS = 60_000;

export interface AccountCallsOptions {
  /** Default 50. */
  readonly atOnce?: number;
  readonly logger?: Pick<Logger, 'warn'>;
}

interface Running {
  readonly userId: string;
  /** In the order of their starts. */
  readonly number: number;
  readonly beganAtMs: number;
  /** Ends its turn, though it may still run. */
  readonly letGo: () => void;
  /** It runs without a turn. */
  stalled: boolean;
  /** Calls that began later and were answered earlier. */
  overtaken: number;
}

/**
 * Bounds the calls on accounts that many players cause at once, when they are lost or come back together. An account that does
 * not answer while others do holds up none of them: a call loses its turn when as many later ones as may run at once were
 * answered before it, and the next ones of its account have few turns of their own.
 */
export class AccountCalls {
  readonly #logger: Pick<Logger, 'warn'> | undefined;
  readonly #atOnce: number;
  readonly #turns: Turns;
  readonly #turnsOfUnresponsive = new Turns(UNRESPONSIVE_AT_ONCE, UNRESPONSIVE_WAITING);
  readonly #running = new Set<Running>();
  readonly #unresponsive = new Set<string>();
  #begun = 0;
  #answered = 0;
  #answeredAtMs = -Infinity;
  #stallTimer: NodeJS.Timeout | undefined;
  #loggedAtMs = -Infinity;

  constructor({ atOnce = CALLS_AT_ONCE, logger }: AccountCallsOptions = {}) {
    this.#logger = logger;
    this.#atOnce = atOnce;
    this.#turns = new Turns(atOnce);
  }

  /** Accounts that did not answer when they were called last, though others did; 10,000 at most. */
  get unresponsive(): number {
    return this.#unresponsive.size;
  }

  /** Calls that wait for their turn. */
  get waiting(): number {
    return this.#turns.waiting;
  }

  /**
   * @param urgent goes before those that wait and are not
   * @throws SessionsUnavailableError also without a call, where too many of unresponsive accounts wait
   */
  async run<Answer>(userId: string, call: () => Promise<Answer>, urgent = false): Promise<Answer> {
    const letGo = await this.#take(userId, urgent);
    const [number, beganAtMs] = [(this.#begun += 1), performance.now()];
    const running: Running = { userId, number, beganAtMs, letGo, stalled: false, overtaken: 0 };
    const answeredBefore = this.#answered;
    this.#running.add(running);
    this.#stallTimer ??= setInterval(() => this.#passStalled(), STALL_MS).unref();
    try {
      const answer = await call();
      this.#noteAnswer(running);
      return answer;
    } catch (error) {
      if (!(error instanceof SessionsUnavailableError)) this.#noteAnswer(running);
      // Where nobody was answered meanwhile, it is Temporal that is away.
      else if (this.#answered > answeredBefore) this.#suspect(userId);
      throw error;
    } finally {
      this.#running.delete(running);
      if (this.#running.size === 0) {
        clearInterval(this.#stallTimer);
        this.#stallTimer = undefined;
      }
      letGo();
    }
  }

  /** Calls that wait for their turn fail, and all later ones; those under way go on. */
  close(): void {
    this.#turns.close();
    this.#turnsOfUnresponsive.close();
  }

  async #take(userId: string, urgent: boolean): Promise<() => void> {
    for (;;) {
      const turns = this.#turnsOf(userId);
      const letGo = await turns.take(urgent);
      // What is known of the account may have changed while its call waited.
      if (turns === this.#turnsOf(userId)) return letGo;
      letGo();
    }
  }

  #turnsOf(userId: string): Turns {
    return this.#unresponsive.has(userId) ? this.#turnsOfUnresponsive : this.#turns;
  }

  #noteAnswer({ userId, number }: Running): void {
    this.#answered += 1;
    this.#answeredAtMs = performance.now();
    this.#unresponsive.delete(userId);
    for (const other of this.#running) {
      // The set is in the order of the starts.
      if (other.number >= number) break;
      other.overtaken += 1;
      if (other.overtaken !== this.#atOnce) continue;
      this.#suspect(other.userId);
      other.letGo();
    }
  }

  /** All that have a turn may be of accounts that do not answer. */
  #passStalled(): void {
    const sinceMs = performance.now() - STALL_MS;
    if (this.#answeredAtMs > sinceMs) return;
    let stalled = [...this.#running].filter((running) => running.stalled).length;
    for (const running of this.#running) {
      if (running.beganAtMs > sinceMs || stalled >= MOST_STALLED_ROUNDS * this.#atOnce) break;
      if (running.stalled) continue;
      running.stalled = true;
      stalled += 1;
      running.letGo();
    }
  }

  #suspect(userId: string): void {
    const [oldest] = this.#unresponsive;
    if (oldest !== undefined && this.#unresponsive.size >= UNRESPONSIVE_REMEMBERED) this.#unresponsive.delete(oldest);
    this.#unresponsive.add(userId);
    if (performance.now() - this.#loggedAtMs < LOG_INTERVAL_MS) return;
    this.#loggedAtMs = performance.now();
    this.#logger?.warn(
      { accounts: this.#unresponsive.size, some: [...this.#unresponsive].slice(-NAMED_IN_LOG) },
      'accounts do not answer though others do: look for failing workflow tasks. They are called again',
    );
  }
}

interface Waiting {
  readonly go: () => void;
  readonly giveUp: () => void;
}

/** Lets so many take a turn at once; the others wait, the urgent ones in front. */
class Turns {
  readonly #mostWaiting: number;
  readonly #urgent: Waiting[] = [];
  readonly #waiting: Waiting[] = [];
  #free: number;
  #closed = false;

  constructor(atOnce: number, mostWaiting = Infinity) {
    this.#free = atOnce;
    this.#mostWaiting = mostWaiting;
  }

  get waiting(): number {
    return this.#urgent.length + this.#waiting.length;
  }

  /** @returns what ends the turn; once is enough @throws SessionsUnavailableError when too many wait, or it is closed */
  async take(urgent: boolean): Promise<() => void> {
    if (this.#closed || this.waiting >= this.#mostWaiting) throw noTurn();
    if (this.#free > 0) this.#free -= 1;
    else {
      await new Promise<void>((go, reject) => {
        (urgent ? this.#urgent : this.#waiting).push({ go, giveUp: () => reject(noTurn()) });
      });
    }
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      const next = this.#urgent.shift() ?? this.#waiting.shift();
      if (next) next.go();
      else this.#free += 1;
    };
  }

  close(): void {
    this.#closed = true;
    for (const { giveUp } of [...this.#urgent.splice(0), ...this.#waiting.splice(0)]) giveUp();
  }
}

function noTurn(): Error {
  return new SessionsUnavailableError('a call whose turn does not come');
}
