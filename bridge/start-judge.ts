import type { FailureScope } from './start-failure.ts';

/**
 * `well`: Temporal starts events, and what fails does so for reasons of its own. `suspected`: so many different messages
 * failed in a row that it may be everybody's trouble although nothing says so. `down`: it is everybody's.
 */
export type StartState = 'well' | 'suspected' | 'down';

/** A message as the judge tells messages apart: each delivery is an object of its own, the id outlives deliveries. */
export interface Startable {
  readonly messageId: string;
}

export interface Verdict {
  /** Whose failure this is taken to be. */
  readonly scope: 'message' | 'everybody';
  /** The message has had its attempts, and belongs into the dead-letter queue. */
  readonly giveUp: boolean;
}

/** How long a message is tried that fails for a reason of its own. */
export interface StartPatience {
  /** Failures of a message that Temporal refuses by name; 8 take some 30 s with the pauses between attempts. */
  readonly refusals: number;
  /** From the first failure that tells against any other message, milliseconds. */
  readonly failingMs: number;
}

/** With attempts and pauses it stays below five minutes in all. */
export const DEFAULT_START_PATIENCE: StartPatience = { refusals: 8, failingMs: 150_000 };

export interface StartJudgeOptions {
  /** Whether anything can be asked of Temporal besides a start. */
  readonly canProbe: boolean;
  readonly patience?: StartPatience;
}

/** So many different messages may fail in a row and still do so for reasons of their own. */
const FEW = 10;
/** Failures that tell against any other message, besides the time they take. */
const FAILURES = 3;
/** Failures that tell against a message whose error claims to be everybody's. */
const CONTRADICTIONS = 10;
/** Longest patience when no room is left for messages that wait. */
const PRESSED_PATIENCE_MS = 30_000;
/** A suspicion that passes sooner is no trouble. */
const SUSPICION_GRACE_MS = 30_000;

interface Failing {
  scope: FailureScope;
  lastFailedMs: number;
  /** Failures that tell against the message, as Temporal was seen to start events since the failure before. */
  against: number;
  /** Of the first failure that told against it. */
  sinceMs: number;
  /** Totals of the judge at that time. */
  atOnce: number;
  recovered: number;
  /** Total of `atOnce` when it failed last. */
  seen: number;
}

/**
 * Tells failures of single messages from those that hit everybody, over all queues of one starter.
 *
 * A failure tells against its message only when Temporal was seen well since the failure before: another message started at
 * its first attempt, or, while few fail, a probe was answered. So no length of an outage tells against any message. Where
 * the gRPC code or a probe that fails says that everybody is hit, starts are `down` until one succeeds. Where nothing says
 * so but more than ten different messages failed without a success in between, that is suspected all the same, and nothing
 * is given up until another message starts.
 *
 * Times are milliseconds of any monotonic clock.
 */
export class StartJudge {
  readonly #canProbe: boolean;
  readonly #patience: StartPatience;
  readonly #failing = new Map<Startable, Failing>();
  /** Ids of the messages that began to fail since the last success. */
  readonly #inARow = new Set<string>();
  #down: 'by starts' | 'by probe' | undefined;
  #state: StartState = 'well';
  #sinceMs = 0;
  /** Successes at the first attempt, and those after failures, which tell less: what failed before may have healed. */
  #atOnce = 0;
  #recovered = 0;
  #succeededMs = -Infinity;
  /** When the last probe began that was answered. */
  #answeredMs = -Infinity;
  /** Starts succeed although the probe fails: it fails for a reason of its own, and is not heard until it is answered. */
  #probeDoubted = false;

  constructor({ canProbe, patience = DEFAULT_START_PATIENCE }: StartJudgeOptions) {
    this.#canProbe = canProbe;
    this.#patience = patience;
  }

  get state(): StartState {
    return this.#state;
  }

  /** Since when the state lasts. */
  get sinceMs(): number {
    return this.#sinceMs;
  }

  /** How many messages have failed and are not settled. */
  get failing(): number {
    return this.#failing.size;
  }

  /** Whether events flow; a short suspicion does not count. */
  ready(nowMs: number): boolean {
    return this.#state === 'well' || (this.#state === 'suspected' && nowMs - this.#sinceMs < SUSPICION_GRACE_MS);
  }

  /** @param pressed no room is left for messages that wait for their next attempt */
  failed(message: Startable, scope: FailureScope, nowMs: number, pressed = false): Verdict {
    const known = this.#failing.get(message);
    if (!known) this.#inARow.add(message.messageId);
    const failing = known ?? this.#begin(message, scope, nowMs);
    failing.scope = scope;
    if (this.#tellsAgainst(failing, known === undefined)) {
      if (failing.against === 0) {
        Object.assign(failing, { sinceMs: nowMs, atOnce: this.#atOnce, recovered: this.#recovered });
      }
      failing.against += 1;
    }
    failing.lastFailedMs = nowMs;
    failing.seen = this.#atOnce;
    const claimed = scope === 'everybody' || (scope === 'unknown' && (!this.#canProbe || this.#probeDoubted));
    // Once others started while it failed, its own failures say nothing of everybody any more.
    if (claimed && failing.against === 0) this.#down ??= 'by starts';
    this.#update(nowMs);
    return { scope: this.#scopeOf(failing, nowMs), giveUp: this.#hasHadItsAttempts(failing, nowMs, pressed) };
  }

  succeeded(message: Startable, nowMs: number): void {
    if (this.#failing.delete(message)) this.#recovered += 1;
    else this.#atOnce += 1;
    this.#inARow.clear();
    this.#succeededMs = nowMs;
    if (this.#down === 'by probe') this.#probeDoubted = true;
    this.#down = undefined;
    this.#update(nowMs);
  }

  /** @param beganMs when the probe was sent */
  probed(answered: boolean, beganMs: number, nowMs: number): void {
    if (answered) {
      this.#answeredMs = beganMs;
      this.#probeDoubted = false;
      if (this.#down === 'by probe') this.#down = undefined;
    } else if (this.#failing.size > 0 && !this.#probeDoubted && this.#succeededMs < beganMs) {
      this.#down ??= 'by probe';
    }
    this.#update(nowMs);
  }

  /** The message has left, in whatever way: with the last of those that failed, the reason to pause is gone. */
  settled(message: Startable, nowMs: number): void {
    if (!this.#failing.delete(message)) return;
    if (this.#failing.size === 0) this.#down = undefined;
    this.#update(nowMs);
  }

  /** Whether the message may wait for its next attempt without taking the place of one that could start. */
  mayStandAside(message: Startable): boolean {
    const failing = this.#failing.get(message);
    if (!failing || this.#state === 'down') return false;
    const { scope, against, lastFailedMs } = failing;
    return scope === 'message' || against > 0 || this.#answeredMs >= lastFailedMs;
  }

  #begin(message: Startable, scope: FailureScope, nowMs: number): Failing {
    const seen = this.#atOnce;
    const failing = { scope, lastFailedMs: nowMs, against: 0, sinceMs: nowMs, atOnce: seen, recovered: 0, seen };
    this.#failing.set(message, failing);
    return failing;
  }

  #tellsAgainst({ scope, lastFailedMs, seen }: Failing, first: boolean): boolean {
    if (!first && this.#atOnce > seen) return true;
    // A partial outage may answer probes and fail every start, so that for many at a time only a start counts.
    if (this.#state !== 'well' || this.#inARow.size > FEW || this.#failing.size > FEW) return false;
    return scope === 'message' || (!first && scope === 'unknown' && this.#answeredMs >= lastFailedMs);
  }

  #hasHadItsAttempts(failing: Failing, nowMs: number, pressed: boolean): boolean {
    const { scope, against, sinceMs } = failing;
    if (this.#state !== 'well') return false;
    const { refusals, failingMs } = this.#patience;
    if (scope === 'message' && against >= refusals) return true;
    const longEnough = nowMs - sinceMs >= (pressed ? Math.min(failingMs, PRESSED_PATIENCE_MS) : failingMs);
    if (!longEnough || against < (scope === 'everybody' ? CONTRADICTIONS : FAILURES)) return false;
    // Where much of what failed heals, this one may as well.
    const healed = this.#recovered - failing.recovered;
    return scope === 'message' || healed <= FEW + this.#atOnce - failing.atOnce;
  }

  #scopeOf({ scope }: Failing, nowMs: number): Verdict['scope'] {
    if (this.ready(nowMs)) return 'message';
    return scope === 'message' && this.#state === 'down' ? 'message' : 'everybody';
  }

  #update(nowMs: number): void {
    const suspected = this.#inARow.size > FEW && this.#failing.size > 0;
    const state = this.#down ? 'down' : suspected ? 'suspected' : 'well';
    if (state === this.#state) return;
    if (this.#state === 'down') this.#leaveOut(nowMs - this.#sinceMs, nowMs);
    this.#sinceMs = nowMs;
    this.#state = state;
  }

  /** The time of an outage tells against no message. */
  #leaveOut(outageMs: number, nowMs: number): void {
    for (const failing of this.#failing.values()) failing.sinceMs = Math.min(nowMs, failing.sinceMs + outageMs);
  }
}
