import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { ActiveStream } from '../contracts/sessions/session-stream.ts';
import type { EvictReply, EvictRequest, Release } from '../contracts/sessions/stream-sessions.ts';
import { answers, readEnd, toSessionsError } from './http-answers.ts';
import { HttpCalls, type HttpAnswer, type HttpCall, type HttpCallsOptions } from './http-calls.ts';
import { InvalidSessionRequestError, SessionsUnavailableError } from './session-errors.ts';
import { holdStream } from './session-hold.ts';
import type {
  AcquireOptions,
  BeatAnswer,
  ContentSwitched,
  Granted,
  SessionsClient,
  StreamsOf,
  HeldStream,
  HoldOptions,
} from './sessions-client.ts';

const OK = 200;
const GONE = 410;
/** What a header carries unchanged. */
const KEY = /^[\x21-\x7E](?:[\x20-\x7E]*[\x21-\x7E])?$/u;
/** What the gateway takes in one request: so many streams, and a body of 16 KiB. */
const MOST_BEATS = 100;
const MOST_BYTES = 15_000;

export type HttpSessionsClientOptions = HttpCallsOptions;

/** A stream of any account, for those who beat for many. */
export interface StreamOfUser {
  readonly userId: string;
  readonly streamId: string;
}

/** What became of one beat among many: an answer, or an error that tells of this one alone. */
export type BatchedBeat = StreamOfUser & (BeatAnswer | { readonly error: Error });

/** Sessions over HTTP: what there is on Temporal, without the facts that only an account knows. */
export interface HttpSessionsClient extends SessionsClient<ActiveStream> {
  /**
   * Beats of any number of streams of any accounts, for services: a request for each 100 of them.
   *
   * @returns what became of each, in their order; a bad one spoils none of the others
   */
  heartbeats(streams: readonly StreamOfUser[]): Promise<readonly BatchedBeat[]>;
}

/**
 * Sessions over the gateway. Differs from the one on Temporal in this: `mode` is the gateway's and cannot be given, a `plan` can by
 * services only (of others it is a claim of the token); of a release only the stream id counts.
 *
 * @throws TypeError when the URL cannot be used
 */
export function createHttpSessionsClient(options: HttpSessionsClientOptions): HttpSessionsClient {
  return new GatewayClient(options);
}

class GatewayClient implements HttpSessionsClient {
  readonly #calls: HttpCalls;

  constructor(options: HttpSessionsClientOptions) {
    this.#calls = new HttpCalls(options);
  }

  async acquire(userId: string, { mode, ...request }: AcquireOptions): Promise<Granted<ActiveStream>> {
    if (mode !== undefined) throw new InvalidSessionRequestError('over HTTP, the mode is the gateway’s');
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

  async heartbeats(streams: readonly StreamOfUser[]): Promise<readonly BatchedBeat[]> {
    const answered: BatchedBeat[] = [];
    for (const batch of inBatches(streams)) answered.push(...(await this.#beatAll(batch)));
    return answered;
  }

  async switchContent(userId: string, streamId: string, contentId: string): Promise<ContentSwitched> {
    const path = `${pathOf(userId, 'streams', streamId)}/heartbeat`;
    const call = { method: 'POST', path, body: { contentId } } as const;
    const { evicted = [], ...beat } = await this.#answer('switch of content', call, answers.beat, streamId);
    return { ...beat, evicted };
  }

  async release(userId: string, release: string | Release | readonly Release[]): Promise<void> {
    const releases = typeof release === 'string' ? [{ streamId: release }] : [release].flat();
    await Promise.all(releases.map(({ streamId }) => this.#release(userId, streamId)));
  }

  async list(userId: string): Promise<StreamsOf<ActiveStream>> {
    return this.#answer('list', { method: 'GET', path: pathOf(userId, 'streams') }, answers.sessions);
  }

  async evict(userId: string, request: EvictRequest): Promise<EvictReply> {
    const call = { method: 'POST', path: pathOf(userId, 'evictions'), body: request } as const;
    return this.#answer('evict', call, answers.evicted);
  }

  async hold(userId: string, request: AcquireOptions, options: HoldOptions = {}): Promise<HeldStream> {
    return holdStream(this, { userId, request, granted: await this.acquire(userId, request), options });
  }

  async #release(userId: string, streamId: string): Promise<void> {
    const { status, body } = await this.#calls.run('release', {
      method: 'DELETE',
      path: pathOf(userId, 'streams', streamId),
    });
    if (status >= 300 && status !== GONE) throw toSessionsError(status, body, streamId);
  }

  async #beat(userId: string, streamId: string): Promise<BeatAnswer> {
    const path = `${pathOf(userId, 'streams', streamId)}/heartbeat`;
    return readBeat(streamId, await this.#calls.run('heartbeat', { method: 'POST', path }));
  }

  async #beatAll(streams: readonly StreamOfUser[]): Promise<readonly BatchedBeat[]> {
    const body = streams.map(({ userId, streamId }) => ({ userId, streamId }));
    const call = { method: 'POST', path: '/v1/heartbeats', body } as const;
    const { results } = await this.#answer('heartbeats', call, answers.beats);
    return body.map((stream, index): BatchedBeat => {
      const { status = 0, problem, ...fields } = results[index] ?? {};
      try {
        return { ...stream, ...readBeat(stream.streamId, { status, body: status === OK ? fields : problem }) };
      } catch (error) {
        return { ...stream, error: error instanceof Error ? error : new SessionsUnavailableError('heartbeats') };
      }
    });
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

function* inBatches(streams: readonly StreamOfUser[]): Generator<readonly StreamOfUser[]> {
  let batch: StreamOfUser[] = [];
  let bytes = 0;
  for (const stream of streams) {
    const size = new TextEncoder().encode(JSON.stringify(stream)).length;
    if (batch.length === MOST_BEATS || (batch.length > 0 && bytes + size > MOST_BYTES)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(stream);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

function readBeat(streamId: string, answer: HttpAnswer): BeatAnswer {
  if (answer.status === GONE) return { streamId, alive: false, end: readEnd(answer.body) };
  const { evicted: _ofSwitches, ...beat } = readAnswer('heartbeat', answer, answers.beat, streamId);
  return { streamId, alive: true, ...beat };
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
