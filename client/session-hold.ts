import { setTimeout as sleep } from 'node:timers/promises';
import { isUnanswered, RateLimitedError, type StreamGone, type UnansweredError } from './session-errors.ts';
import type { BeatAnswer, Granted, SessionsClient } from './sessions-client.ts';

/** A stream that ends after a grace is asked for once more right after it, but not at once. */
const SHORTEST_PAUSE_MS = 50;

export interface HoldOptions {
  /** Aborted: the stream is released. */
  readonly signal?: AbortSignal;
  /** Told of beats without an answer; the stream goes on until its lease must be over. */
  readonly onUnanswered?: (error: UnansweredError) => void;
  /** Told of each lease that a beat renewed: only over HTTP. The first one stands in the grant. */
  readonly onLease?: (lease: string) => void;
}

/** A stream that is kept alive. */
export interface HeldStream {
  readonly granted: Granted;
  /** The newest one: only over HTTP. */
  readonly lease: string | undefined;
  /**
   * Resolves when the stream is over, with the reason; never rejects but for a defect. `unknown` also when no beat was
   * answered for a whole lease: then the slot cannot be counted on any more.
   */
  readonly ended: Promise<StreamGone>;
  /** Ends the stream; done when the release was sent. */
  release(): Promise<void>;
}

/** Beats until the stream ends. Players stop on {@link HeldStream.ended}. */
export function holdStream(
  client: Pick<SessionsClient, 'heartbeat' | 'release'>,
  userId: string,
  granted: Granted,
  { signal, onUnanswered, onLease }: HoldOptions,
): HeldStream {
  const stop = new AbortController();
  const stopped = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  let newest = granted.lease;
  const onAlive = ({ lease }: AliveAnswer): void => {
    if (lease === undefined) return;
    newest = lease;
    onLease?.(lease);
  };
  const beating = beatUntilOver(client, userId, granted, { stopped, onAlive, onUnanswered });
  const ended = beating.then(async (end) => {
    if (end !== 'stopped') return end;
    await client.release(userId, granted.stream.streamId).catch((error: unknown) => {
      // The lease ends by itself; there is nobody left to try again for.
      if (!isUnanswered(error)) throw error;
      onUnanswered?.(error);
    });
    return { reason: 'released' } as const;
  });
  return {
    granted,
    get lease() {
      return newest;
    },
    ended,
    async release() {
      stop.abort();
      await ended;
    },
  };
}

type AliveAnswer = Extract<BeatAnswer, { alive: true }>;

interface BeatingOptions {
  readonly stopped: AbortSignal;
  readonly onAlive: (answer: AliveAnswer) => void;
  readonly onUnanswered: HoldOptions['onUnanswered'];
}

async function beatUntilOver(
  client: Pick<SessionsClient, 'heartbeat'>,
  userId: string,
  granted: Granted,
  { stopped, onAlive, onUnanswered }: BeatingOptions,
): Promise<StreamGone | 'stopped'> {
  const { streamId, leaseMs } = granted.stream;
  // Durations only, on the clock of this process that never jumps.
  let answeredAt = performance.now();
  // The lease as a whole may be longer: that of a stream which the gateway watches is.
  let lifeMs = granted.expiresInMs;
  let usualMs = Math.min(granted.heartbeatIntervalMs, leaseMs / 3);
  let pauseMs = usualMs;
  for (;;) {
    await sleep(pauseMs, undefined, { signal: stopped }).catch(() => undefined);
    if (stopped.aborted) return 'stopped';
    const sentAt = performance.now();
    try {
      const [answer] = await client.heartbeat(userId, streamId);
      if (answer && !answer.alive) return answer.end;
      if (answer) {
        onAlive(answer);
        usualMs = answer.heartbeatIntervalMs ?? usualMs;
        lifeMs = answer.expiresInMs;
        pauseMs = Math.min(usualMs, Math.max(lifeMs, SHORTEST_PAUSE_MS));
      }
      // From before the call: the account cannot have extended the lease earlier.
      answeredAt = sentAt;
    } catch (error) {
      if (!isUnanswered(error)) throw error;
      onUnanswered?.(error);
      const leftMs = lifeMs - (performance.now() - answeredAt);
      if (leftMs <= 0) return { reason: 'unknown' };
      const waitMs = error instanceof RateLimitedError ? Math.max(error.retryAfterMs, usualMs) : usualMs;
      pauseMs = Math.min(waitMs, leftMs);
    }
  }
}
