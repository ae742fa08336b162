import type { Logger } from 'pino';
import { setTimeout as sleep } from 'node:timers/promises';
import { abortable, Bell } from './abortable.ts';
import type { EventStarter } from './event-starter.ts';
import { scopeOfFailure } from './start-failure.ts';
import { StartJudge, type Startable, type StartPatience, type StartState, type Verdict } from './start-judge.ts';

const TICK_MS = 250;
/** While everybody is hit, one message in this time is tried again, for all of them. */
const SCOUT_EVERY_MS = 500;
/** Probes are no closer than this, and begin after a failure that does not say whose it is. */
const PROBE_GAP_MS = 1_000;
const PROBE_EVERY_MS = 5_000;
/** A probe without an answer in this time has failed. */
const PROBE_TIMEOUT_MS = 5_000;
/** After an outage what was held starts at this pace, and all of it within the longest. */
const RESUME_SPREAD_MS = 10;
const LONGEST_RESUME_MS = 5_000;

/** Watches how the starts of all queues go, for as long as some fail: probes, lets retries through, and tells of changes. */
export class StartGuard {
  readonly #starter: EventStarter;
  readonly #logger: Logger;
  readonly #judge: StartJudge;
  readonly #listeners: (() => void)[] = [];
  readonly #stopping = new AbortController();
  /** Rung when waiting retries should look again. */
  readonly #bell = new Bell();
  #timer: NodeJS.Timeout | undefined;
  #probing = false;
  #probeBeganMs = -Infinity;
  #probeWanted = false;
  #scoutAtMs = 0;

  constructor(starter: EventStarter, patience: StartPatience, logger: Logger) {
    this.#starter = starter;
    this.#logger = logger;
    this.#judge = new StartJudge({ canProbe: starter.probe !== undefined, patience });
  }

  get state(): StartState {
    return this.#judge.state;
  }

  /** Since when the state lasts, on the monotonic clock. */
  get sinceMs(): number {
    return this.#judge.sinceMs;
  }

  get ready(): boolean {
    return this.#judge.ready(performance.now());
  }

  mayStandAside(message: Startable): boolean {
    return this.#judge.mayStandAside(message);
  }

  /** @param listener told whenever the state or who may stand aside may have changed, and every 250 ms in between while starts fail */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** @param pressed see {@link StartJudge.failed} */
  failed(message: Startable, error: unknown, pressed: boolean): Verdict {
    const scope = scopeOfFailure(error);
    const nowMs = performance.now();
    const verdict = this.#watched(() => this.#judge.failed(message, scope, nowMs, pressed), error);
    this.#probeWanted ||= scope !== 'message';
    this.#probeWhenDue();
    this.#timer ??= setTimeout(() => this.#tick(), TICK_MS);
    return verdict;
  }

  succeeded(message: Startable): void {
    this.#watched(() => this.#judge.succeeded(message, performance.now()));
  }

  settled(message: Startable): void {
    this.#watched(() => this.#judge.settled(message, performance.now()));
  }

  /**
   * Waits until a message that failed may be tried again: its own pause while starts succeed, else its turn among all that
   * wait, which costs Temporal two starts a second however many they are.
   *
   * @throws the signal's reason when that aborts first
   */
  async turn(pauseMs: number, signal: AbortSignal): Promise<void> {
    await sleep(pauseMs, undefined, { signal });
    while (this.#judge.state !== 'well') {
      if (performance.now() >= this.#scoutAtMs) {
        this.#scoutAtMs = performance.now() + SCOUT_EVERY_MS;
        return;
      }
      await this.#bell.wait(signal);
      await sleep(this.#resumeDelayMs(), undefined, { signal });
    }
  }

  #resumeDelayMs(): number {
    if (this.#judge.state !== 'well') return 0;
    return Math.random() * Math.min(LONGEST_RESUME_MS, RESUME_SPREAD_MS * this.#judge.failing);
  }

  stop(): void {
    this.#stopping.abort();
    clearTimeout(this.#timer);
  }

  #tick(): void {
    this.#timer = undefined;
    if (this.#judge.failing === 0 || this.#stopping.signal.aborted) return;
    this.#timer = setTimeout(() => this.#tick(), TICK_MS);
    this.#probeWhenDue();
    this.#tell();
  }

  #probeWhenDue(): void {
    const soon = this.#probeWanted || this.#judge.state === 'down';
    const waitedMs = performance.now() - this.#probeBeganMs;
    if (waitedMs >= (soon ? PROBE_GAP_MS : PROBE_EVERY_MS)) void this.#probe();
  }

  async #probe(): Promise<void> {
    const starter = this.#starter;
    if (!starter.probe || this.#probing || this.#stopping.signal.aborted) return;
    const beganMs = performance.now();
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)]);
    this.#probing = true;
    this.#probeWanted = false;
    this.#probeBeganMs = beganMs;
    try {
      await abortable(starter.probe(signal), signal);
      this.#watched(() => this.#judge.probed(true, beganMs, performance.now()));
    } catch (error) {
      if (!this.#stopping.signal.aborted)
        this.#watched(() => this.#judge.probed(false, beganMs, performance.now()), error);
    } finally {
      this.#probing = false;
    }
    this.#tell();
  }

  /** Logs once for each change of state, and wakes whoever waits for it. */
  #watched<Value>(step: () => Value, error?: unknown): Value {
    const before = this.#judge.state;
    const value = step();
    const { state } = this.#judge;
    if (state === before) return value;
    if (state === 'down') {
      this.#scoutAtMs = performance.now() + TICK_MS;
      this.#logger.warn({ err: error }, 'Temporal starts nothing; receiving pauses until a start succeeds');
    } else if (state === 'suspected') {
      this.#logger.warn(
        { err: error, failing: this.#judge.failing },
        'many starts fail in a row; receiving slows, and nothing is rejected for it until one succeeds',
      );
    } else this.#logger.info({ failing: this.#judge.failing }, 'Temporal starts events; receiving goes on');
    this.#tell();
    return value;
  }

  #tell(): void {
    this.#bell.ring();
    for (const listener of this.#listeners) listener();
  }
}
