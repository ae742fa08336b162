import { z } from 'zod';

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

/** A client as Sigma Stream has them: registers a stream and unregisters it, and never beats. */
export async function callSigma(
  { url, userId, token, signal }: SigmaClientOptions,
  method: 'PUT' | 'DELETE',
  streamId: string,
): Promise<SigmaAnswer> {
  const response = await fetch(`${url}/stream/${encodeURIComponent(userId)}/${encodeURIComponent(streamId)}`, {
    method,
    headers: { authorization: `Bearer ${token}` },
    signal,
  });
  const { error, data } = answerSchema.parse(await response.json());
  return { status: response.status, error, streams: data?.streams ?? [] };
}
