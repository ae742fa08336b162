import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';

const UNAVAILABLE = 503;
const RETRY_AFTER_MS = 1_000;

const answerSchema = z.object({
  error: z.string().optional(),
  data: z.object({ streams: z.array(z.string()) }).optional(),
});

export interface SigmaAnswer {
  readonly status: number;
  readonly error?: string | undefined;
  /** The registered streams of the user. */
  readonly streams: readonly string[];
}

export interface SigmaClientOptions {
  readonly url: string;
  readonly userId: string;
  readonly token: string;
  readonly signal: AbortSignal;
}

/**
 * A client as Sigma Stream has them: registers a stream and unregisters it, and never beats. While the gateway has no answer it asks
 * again, until the signal aborts; the key keeps what was done all the same from being done twice.
 */
export async function callSigma(
  { url, userId, token, signal }: SigmaClientOptions,
  method: 'PUT' | 'DELETE',
  streamId: string,
): Promise<SigmaAnswer> {
  const headers = { authorization: `Bearer ${token}`, 'idempotency-key': randomUUID() };
  for (;;) {
    const target = `${url}/stream/${encodeURIComponent(userId)}/${encodeURIComponent(streamId)}`;
    const response = await fetch(target, { method, headers, signal });
    const { error, data } = answerSchema.parse(await response.json());
    if (response.status !== UNAVAILABLE) return { status: response.status, error, streams: data?.streams ?? [] };
    await delay(RETRY_AFTER_MS, undefined, { signal });
  }
}
