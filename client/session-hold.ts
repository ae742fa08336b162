import { setTimeout as sleep } from 'node:timers/promises';
import { describeEnd, type ActiveStream } from '../contracts/sessions/session-stream.ts';
import {
  BlockedError,
  isUnanswered,
  NotAllowedError,
  NotAuthenticatedError,
  RateLimitedError,
  StreamLimitReachedError,
  type StreamGone,
} from './session-errors.ts';
import type {
  AcquireOptions,
  BeatAnswer,
  Granted,
  HeldStream,
  HoldEnd,
  HoldOptions,
  SessionsClient,
} from './sessions-client.ts';

/** A stream that ends after a grace is asked for once more right after it, but not at once. */
const SHORTEST_PAUSE_MS = 50;

/** A sentence on the end, for people. */
export function describeHoldEnd(end: HoldEnd): string {
  switch (end.reason) {
    case 'unknown':
      return 'nothing is known of its stream any more';
    case 'blocked':
      return `blocked: ${end.because ?? 'no reason given'}`;
    case 'unauthenticated':
      return `its token is not accepted: ${end.because ?? 'no reason given'}`;
    case 'notAllowed':
      return end.because;
    case 'limitReached':
      return `it had expired, and ${end.violation.active} of ${end.violation.limit} streams are in use`;
    case 'expired':
    case 'released':
    case 'evicted':
      return describeEnd(end);
  }
}

type HoldingClient<Stream extends ActiveStream> = Pick<
  SessionsClient<Stream>,
  'acquire' | 'heartbeat' | 'release' | 'switchContent'
>;

/** What is held, and how. */
export interface HoldRequest<Stream extends ActiveStream> {
  readonly userId: string;
  readonly request: AcquireOptions;
  readonly granted: Granted<Stream>;
  readonly options: HoldOptions<Stream>;
}

/** Beats until the stream ends. Players stop on {@link HeldStream.ended}. */
export function holdStream<Stream extends ActiveStream>(
  client: HoldingClient<Stream>,
  held: HoldRequest<Stream>,
): HeldStream<Stream> {
  return new Hold(client, held);
}

type AliveAnswer = Extract<BeatAnswer, { alive: true }>;

class Hold<Stream extends ActiveStream> implements HeldStream<Stream> {
  readonly ended: Promise<HoldEnd>;
  readonly #client: HoldingClient<Stream>;
  readonly #held: HoldRequest<Stream>;
  readonly #stop = new AbortController();
  readonly #stopped: AbortSignal;
  #granted: Granted<Stream>;
  #lease: string | undefined;
  #contentId: string | undefined;

  constructor(client: HoldingClient<Stream>, held: HoldRequest<Stream>) {
    const { granted, request, options } = held;
    this.#client = client;
    this.#held = held;
    this.#stopped = options.signal ? AbortSignal.any([options.signal, this.#stop.signal]) : this.#stop.signal;
    this.#granted = granted;
    this.#lease = granted.lease;
    this.#contentId = request.contentId;
    this.ended = this.#run();
  }

  get granted(): Granted<Stream> {
    return this.#granted;
  }

  get lease(): string | undefined {
    return this.#lease;
  }

  async switchContent(contentId: string): Promise<void> {
    const { streamId } = this.#granted.stream;
    const { lease } = await this.#client.switchContent(this.#held.userId, streamId, contentId);
    this.#contentId = contentId;
    this.#renew(lease);
  }

  async release(): Promise<void> {
    this.#stop.abort();
    await this.ended;
  }

  async #run(): Promise<HoldEnd> {
    const { resume = true, onResumed } = this.#held.options;
    for (;;) {
      const end = await this.#beatUntilOver();
      if (end === 'stopped') return await this.#releaseIt();
      if (!('lost' in end)) return end;
      if (!resume) return end.lost;
      const back = await this.#acquireAnew(end.lost);
      if (back === 'stopped') return { reason: 'released' };
      if ('reason' in back) return back;
      const { streamId } = this.#granted.stream;
      this.#granted = back;
      onResumed?.(back, streamId);
      this.#renew(back.lease);
    }
  }

  async #beatUntilOver(): Promise<HoldEnd | { readonly lost: StreamGone } | 'stopped'> {
    const { userId } = this.#held;
    const { stream, expiresInMs, heartbeatIntervalMs } = this.#granted;
    // Durations only, on the clock of this process that never jumps.
    let answeredAt = performance.now();
    // The lease as a whole may be longer: that of a stream which the gateway watches is.
    let lifeMs = expiresInMs;
    let usualMs = Math.min(heartbeatIntervalMs, expiresInMs / 3);
    let pauseMs = usualMs;
    for (;;) {
      const pausedAt = performance.now();
      await this.#pause(pauseMs);
      if (this.#stopped.aborted) return 'stopped';
      const sentAt = performance.now();
      // The device slept, or the timers were throttled: what comes next is a first try, and the network may not be back yet.
      if (sentAt - pausedAt > pauseMs + lifeMs) answeredAt = sentAt;
      try {
        const [answer] = await this.#client.heartbeat(userId, stream.streamId);
        if (answer && !answer.alive) return isLoss(answer.end) ? { lost: answer.end } : answer.end;
        if (answer) {
          this.#onAlive(answer);
          usualMs = answer.heartbeatIntervalMs ?? usualMs;
          lifeMs = answer.expiresInMs;
          pauseMs = Math.min(usualMs, Math.max(lifeMs, SHORTEST_PAUSE_MS));
        }
        // From before the call: the account cannot have extended the lease earlier.
        answeredAt = sentAt;
      } catch (error) {
        const leftMs = lifeMs - (performance.now() - answeredAt);
        const end = this.#endBy(error, leftMs);
        if (end) return end;
        pauseMs = Math.min(waitAfter(error, usualMs), leftMs);
      }
    }
  }

  /** The player is back: takes a slot for a new stream, and tries for as long as a lease lasts. */
  async #acquireAnew(lost: StreamGone): Promise<Granted<Stream> | HoldEnd | 'stopped'> {
    const { userId, request } = this.#held;
    // The streams that were to end have ended, and the ids are of the stream that is over.
    const { streamId: _over, requestId: _used, evict: _ended, contentId: _first, ...wish } = request;
    const contentId = this.#contentId;
    const { expiresInMs, heartbeatIntervalMs } = this.#granted;
    const deadline = performance.now() + expiresInMs;
    while (!this.#stopped.aborted) {
      try {
        const granted = await this.#client.acquire(userId, {
          ...wish,
          ...(contentId === undefined ? {} : { contentId }),
        });
        if (!this.#stopped.aborted) return granted;
        await this.#sendRelease(granted.stream.streamId);
      } catch (error) {
        if (error instanceof StreamLimitReachedError) {
          const { violation, conflicts } = error;
          return { reason: 'limitReached', violation, conflicts };
        }
        const leftMs = deadline - performance.now();
        const end = this.#endBy(error, leftMs);
        if (end) return end.reason === 'unknown' ? lost : end;
        await this.#pause(Math.min(waitAfter(error, heartbeatIntervalMs), leftMs));
      }
    }
    return 'stopped';
  }

  /** What an error means: nothing yet, or the end. Throws those that are defects. */
  #endBy(error: unknown, leftMs: number): HoldEnd | undefined {
    if (!isUnanswered(error)) throw error;
    this.#held.options.onUnanswered?.(error);
    if (error instanceof BlockedError) {
      const { reason: because, expiresAt } = error;
      return {
        reason: 'blocked',
        ...(because === undefined ? {} : { because }),
        ...(expiresAt === undefined ? {} : { expiresAt }),
      };
    }
    if (leftMs > 0) return undefined;
    if (error instanceof NotAllowedError) return { reason: 'notAllowed', because: error.message };
    if (!(error instanceof NotAuthenticatedError)) return { reason: 'unknown' };
    return { reason: 'unauthenticated', ...(error.reason === undefined ? {} : { because: error.reason }) };
  }

  async #releaseIt(): Promise<HoldEnd> {
    await this.#sendRelease(this.#granted.stream.streamId);
    return { reason: 'released' };
  }

  async #sendRelease(streamId: string): Promise<void> {
    const { userId, options } = this.#held;
    await this.#client.release(userId, streamId).catch((error: unknown) => {
      // The lease ends by itself; there is nobody left to try again for.
      if (!isUnanswered(error)) throw error;
      options.onUnanswered?.(error);
    });
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stopped }).catch(() => undefined);
  }

  #onAlive({ lease }: AliveAnswer): void {
    this.#renew(lease);
  }

  #renew(lease: string | undefined): void {
    if (lease === undefined) return;
    this.#lease = lease;
    this.#held.options.onLease?.(lease);
  }
}

/** It ended only because it was not heard of, or so long ago that nobody knows. */
function isLoss({ reason }: StreamGone): boolean {
  return reason === 'expired' || reason === 'unknown';
}

function waitAfter(error: unknown, usualMs: number): number {
  return error instanceof RateLimitedError ? Math.max(error.retryAfterMs, usualMs) : usualMs;
}
