import type { SessionsClient } from '../../client/sessions.ts';
import { StreamEndedError, StreamLimitReachedError } from '../../client/session-errors.ts';
import type { SessionsView } from '../../contracts/sessions/stream-sessions.ts';
import { callerOf, type GatewayApp } from '../app.ts';
import { requireDevice } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import type { Blacklist } from '../blacklist/blacklist.ts';
import { evictionFor } from '../blacklist/block.ts';
import { requireOwnStreams, visibleTo } from '../device-scope.ts';
import type { Guard } from '../guard.ts';
import { answers, idempotencyHeaders, streamParams } from '../schemas.ts';
import { toProblem } from '../to-problem.ts';

export interface SigmaRoutesOptions {
  readonly sessions: SessionsClient;
  readonly guard: Guard;
  readonly blacklist: Pick<Blacklist, 'find'>;
}

/** What a Sigma client is told when it fails, beside the status: its own form, as `status` must be false [sigmastream]. */
export interface SigmaFailure {
  readonly status: false;
  readonly message: string;
  readonly error: string;
}

const PATH = '/stream/:userId/:streamId';

/** What Sigma's server says of itself at `/`. */
export const SIGMA_WELCOME = { status: true, message: 'Welcome to Sigma streaming server', version: '1.0.0' } as const;

/** Whether errors of this path are told in Sigma's form. */
export function isSigmaPath(url: string): boolean {
  return url.startsWith('/stream/');
}

export function sigmaFailure(method: string, error: unknown): SigmaFailure {
  const problem = toProblem(error);
  const detail = error instanceof StreamLimitReachedError ? 'Concurrent stream limit reached' : problem.message;
  const isOffered = problem.code !== 'not-found' && problem.code !== 'method-not-allowed';
  return { status: false, message: isOffered ? (FAILURES[method] ?? detail) : detail, error: detail };
}

const FAILURES: Readonly<Record<string, string>> = {
  PUT: 'Failed to register stream',
  DELETE: 'Failed to unregister stream',
};

/**
 * Sigma Stream's own API: each PUT takes a slot, also with a stream id that is active already, and each DELETE frees one.
 * Nobody beats; a registration that is never deleted ends with the policy's `registrationLeaseMs`. An `Idempotency-Key` keeps
 * a retry from counting twice. Sigma knows no devices: the stream's id stands for one, in claims and blocks as well.
 */
export function registerSigmaRoutes(app: GatewayApp, { sessions, guard, blacklist }: SigmaRoutesOptions): void {
  const response = { 200: answers.sigma, 403: answers.sigmaFailure, default: answers.sigmaFailure };
  const schema = { tags: ['sigma'], params: streamParams, headers: idempotencyHeaders, response };

  app.route({
    method: 'PUT',
    url: PATH,
    schema: { ...schema, summary: 'Registers a stream' },
    handler: async (request, reply) => {
      const { userId, streamId } = request.params;
      const caller = callerOf(request);
      const requestId = request.headers['idempotency-key'];
      requireDevice(caller, streamId);
      await admitOrEnd(userId, streamId);
      try {
        await sessions.acquire(userId, {
          streamId,
          deviceId: streamId,
          mode: 'counted',
          ...(requestId === undefined ? {} : { requestId }),
          ...(caller.plan === undefined ? {} : { plan: caller.plan }),
        });
      } catch (error) {
        const limited = error instanceof StreamLimitReachedError || error instanceof StreamEndedError;
        if (!limited) throw error;
        request.problem = toProblem(error).code;
        return await reply.code(403).send(sigmaFailure('PUT', error));
      }
      return await answer('Stream registered successfully', userId, caller);
    },
  });

  app.route({
    method: 'DELETE',
    url: PATH,
    schema: { ...schema, summary: 'Unregisters a stream' },
    handler: async (request) => {
      const { userId, streamId } = request.params;
      const caller = callerOf(request);
      const requestId = request.headers['idempotency-key'];
      await requireOwnStreams(sessions, caller, userId, [streamId]);
      await sessions.release(userId, { streamId, ...(requestId === undefined ? {} : { requestId }) });
      return await answer('Stream unregistered successfully', userId, caller);
    },
  });

  /** Nobody beats here: what a blocked device has registered ends when it comes again. @throws Problem (`blocked`) */
  async function admitOrEnd(userId: string, streamId: string): Promise<void> {
    const block = blacklist.find({ device: streamId });
    const { active } = block ? await sessions.list(userId) : { active: [] };
    // Another device may play under the same id by the other routes.
    const isRegistered = active.some((stream) => stream.streamId === streamId && stream.deviceId === streamId);
    if (block && isRegistered) await sessions.evict(userId, { streamIds: [streamId], ...evictionFor(block) });
    guard.admitPlay(userId, streamId);
  }

  async function answer(message: string, userId: string, caller: Caller) {
    const streams = streamsOf(visibleTo(caller, await sessions.list(userId)));
    return { status: true as const, message, data: { userId, streams } };
  }
}

/** An id stands there once for each slot it takes. */
function streamsOf({ active }: SessionsView): string[] {
  return active.filter(({ ending }) => !ending).flatMap(({ streamId, slots }) => Array<string>(slots).fill(streamId));
}
