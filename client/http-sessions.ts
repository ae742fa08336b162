import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { EvictReply, EvictRequest, Release, SessionsView } from '../contracts/stream-sessions.ts';
import { answers, readEnd, toSessionsError } from './http-answers.ts';
import { HttpCalls, type HttpCall, type HttpCallsOptions } from './http-calls.ts';
import { InvalidSessionRequestError, SessionsUnavailableError } from './session-errors.ts';
import { holdStream, type HeldStream, type HoldOptions } from './session-hold.ts';
import type { AcquireOptions, BeatAnswer, Granted, SessionsClient } from './sessions-client.ts';

const GONE = 410;
/** What a header carries unchanged. */
const KEY = /^[\x21-\x7E](?:[\x20-\x7E]*[\x21-\x7E])?$/u;

export type HttpSessionsClientOptions = HttpCallsOptions;

/**
 * Sessions over the gateway. Differs from the one on Temporal in this: the plan is a claim of the token and `mode` the
 * gateway's, so neither can be given; of a release only the stream id counts; several streams are as many requests.
 *
 * @throws TypeError when the URL cannot be used
 */
export function createHttpSessionsClient(options: HttpSessionsClientOptions): SessionsClient {
  return new HttpSessionsClient(options);
}

class HttpSessionsClient implements SessionsClient {
  readonly #calls: HttpCalls;

  constructor(options: HttpSessionsClientOptions) {
    this.#calls = new HttpCalls(options);
  }

  async acquire(userId: string, { plan, mode, ...request }: AcquireOptions): Promise<Granted> {
    if (plan !== undefined || mode !== undefined)
      throw new InvalidSessionRequestError('over HTTP, the plan is a claim of the token and the mode is the gateway’s');
    // Both chosen before the first try: a retry after a lost answer must be the same stream.
    const { requestId = randomUUID(), streamId = randomUUID(), ...wish } = request;
    if (!KEY.test(requestId)) throw new InvalidSessionRequestError('over HTTP, a request id must be printable ASCII');
    const body = { streamId, ...wish };
    const headers = { 'idempotency-key': requestId };
    const call = { method: 'POST', path: pathOf(userId, 'streams'), body, headers } as const;
    return { outcome: 'granted', ...(await this.#answer('acquire', call, answers.granted, streamId)) };
  }

  async heartbeat(userId: string, streamIds: string | readonly string[]): Promise<readonly BeatAnswer[]> {
    const ids = typeof streamIds === 'string' ? [streamIds] : streamIds;
    return Promise.all(ids.map((streamId) => this.#beat(userId, streamId)));
  }

  async release(userId: string, release: string | Release): Promise<void> {
    const { streamId } = typeof release === 'string' ? { streamId: release } : release;
    const { status, body } = await this.#calls.run('release', {
      method: 'DELETE',
      path: pathOf(userId, 'streams', streamId),
    });
    if (status >= 300 && status !== GONE) throw toSessionsError(status, body, streamId);
  }

  async list(userId: string): Promise<SessionsView> {
    return this.#answer('list', { method: 'GET', path: pathOf(userId, 'streams') }, answers.sessions);
  }

  async evict(userId: string, request: EvictRequest): Promise<EvictReply> {
    const call = { method: 'POST', path: pathOf(userId, 'evictions'), body: request } as const;
    return this.#answer('evict', call, answers.evicted);
  }

  async hold(userId: string, request: AcquireOptions, options: HoldOptions = {}): Promise<HeldStream> {
    return holdStream(this, userId, await this.acquire(userId, request), options);
  }

  async #beat(userId: string, streamId: string): Promise<BeatAnswer> {
    const path = `${pathOf(userId, 'streams', streamId)}/heartbeat`;
    const { status, body } = await this.#calls.run('heartbeat', { method: 'POST', path });
    if (status === GONE) return { streamId, alive: false, end: readEnd(body) };
    return { streamId, alive: true, ...readAnswer('heartbeat', { status, body }, answers.beat, streamId) };
  }

  async #answer<Schema extends z.ZodType>(
    what: string,
    call: HttpCall,
    schema: Schema,
    streamId = '',
  ): Promise<z.output<Schema>> {
    return readAnswer(what, await this.#calls.run(what, call), schema, streamId);
  }
}

function readAnswer<Schema extends z.ZodType>(
  what: string,
  { status, body }: { readonly status: number; readonly body: unknown },
  schema: Schema,
  streamId: string,
): z.output<Schema> {
  if (status >= 300) throw toSessionsError(status, body, streamId);
  const parsed = schema.safeParse(body);
  // Not the gateway's words: something else answers at its address.
  if (!parsed.success) throw new SessionsUnavailableError(what, { cause: parsed.error });
  return parsed.data;
}

/** @throws InvalidSessionRequestError for ids that no path can hold */
function pathOf(userId: string, collection: 'streams' | 'evictions', streamId?: string): string {
  const stream = streamId === undefined ? '' : `/${segment('stream', streamId)}`;
  return `/v1/users/${segment('user', userId)}/${collection}${stream}`;
}

function segment(what: string, id: string): string {
  // Dots alone are taken for steps through the path, also when they are encoded.
  if (id === '' || id === '.' || id === '..' || !id.isWellFormed())
    throw new InvalidSessionRequestError(`over HTTP, ${JSON.stringify(id)} cannot be the id of a ${what}`);
  return encodeURIComponent(id);
}
