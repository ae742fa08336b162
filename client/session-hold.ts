import { setTimeout as sleep } from 'node:timers/promises';
import { SessionsUnavailableError, type StreamGone } from './session-errors.ts';
import type { BeatAnswer, Granted, SessionsClient } from './sessions.ts';

export interface HoldOptions {
  /** Aborted: the stream is released. */
  readonly signal?: AbortSignal;
  /** Told of beats without an answer; the stream goes on until its lease must be over. */
  readonly onUnanswered?: (error: SessionsUnavailableError) => void;
}

/** A stream that is kept alive. */
export interface HeldStream {
  readonly granted: Granted;
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
  { signal, onUnanswered }: HoldOptions,
): HeldStream {
  const stop = new AbortController();
  const stopped = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  const beating = beatUntilOver(client, userId, granted, stopped, onUnanswered);
  const ended = beating.then(async (end) => {
    if (end !== 'stopped') return end;
    await client.release(userId, granted.stream.streamId).catch((error: unknown) => {
      // The lease ends by itself; there is nobody left to try again for.
      if (!(error instanceof SessionsUnavailableError)) throw error;
      onUnanswered?.(error);
    });
    return { reason: 'released' } as const;
  });
  return {
    granted,
    ended,
    async release() {
      stop.abort();
      await ended;
    },
  };
}

async function beatUntilOver(
  client: Pick<SessionsClient, 'heartbeat'>,
  userId: string,
  { stream, heartbeatIntervalMs }: Granted,
  stopped: AbortSignal,
  onUnanswered: HoldOptions['onUnanswered'],
): Promise<StreamGone | 'stopped'> {
  const { streamId, leaseMs } = stream;
  // Durations only, on the clock of this process that never jumps.
  let answeredAt = performance.now();
  let pauseMs = Math.min(heartbeatIntervalMs, leaseMs / 3);
  for (;;) {
    await sleep(pauseMs, undefined, { signal: stopped }).catch(() => undefined);
    if (stopped.aborted) return 'stopped';
    const sentAt = performance.now();
    try {
      const [answer] = await client.heartbeat(userId, streamId);
      if (answer && !answer.alive) return answer.end;
      if (answer) pauseMs = nextPause(answer, Math.min(heartbeatIntervalMs, leaseMs / 3));
      // From before the call: the account cannot have extended the lease earlier.
      answeredAt = sentAt;
    } catch (error) {
      if (!(error instanceof SessionsUnavailableError)) throw error;
      onUnanswered?.(error);
      if (performance.now() - answeredAt >= leaseMs) return { reason: 'unknown' };
    }
  }
}

/** A stream that is handed off is asked for once more, right after its grace. */
function nextPause(answer: Extract<BeatAnswer, { alive: true }>, usualMs: number): number {
  return answer.stream.ending ? Math.min(usualMs, Math.max(answer.expiresInMs, 50)) : usualMs;
}
