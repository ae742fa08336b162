import type { FastifyRequest } from 'fastify';
import { callerOf, type GatewayApp } from '../app.ts';
import type { Guard } from '../guard.ts';
import type { LeaseSigner } from '../leases/lease-signer.ts';
import type { GatewayMetrics } from '../metrics.ts';
import { Problem } from '../problem.ts';
import { answers, batchedBeat, heartbeatBody, heartbeatsBody, MAX_BATCHED_BEATS, streamParams } from '../schemas.ts';
import { toProblem } from '../to-problem.ts';
import type { StreamRef } from '../watch/beat-store.ts';
import type { StreamAddresses } from '../watch/stream-addresses.ts';
import type { Alive, StreamWatch } from '../watch/stream-watch.ts';

export interface HeartbeatRoutesOptions {
  readonly watch: StreamWatch;
  readonly leases: LeaseSigner;
  readonly guard: Guard;
  readonly addresses: StreamAddresses;
  readonly metrics: GatewayMetrics;
}

/** What keeps streams alive: a beat of a player, or those of many in one call of a service. */
export function registerHeartbeatRoutes(app: GatewayApp, options: HeartbeatRoutesOptions): void {
  const { watch, leases, guard, addresses, metrics } = options;
  const tags = ['streams'];
  const config = { access: 'beat' } as const;
  const { problem } = answers;

  const beat = async (request: FastifyRequest, stream: StreamRef, contentId: string | null | undefined) => {
    const { userId, streamId } = stream;
    const caller = callerOf(request);
    const alive = await watch.heartbeat(userId, streamId, caller.deviceId);
    const isSwitch = contentId !== undefined && contentId !== null && contentId !== alive.stream.contentId;
    const now = isSwitch ? await watch.switchContent(alive, contentId) : { ...alive, evicted: [] };
    // A service beats from its own address, whatever the player's is.
    if (caller.subject === userId) addresses.note(stream, request.clientAddress.address);
    const { expiresInMs, heartbeatIntervalMs, ending, evicted } = now;
    return {
      expiresInMs,
      heartbeatIntervalMs,
      ...leaseOf(leases, now),
      ...(ending ? { ending } : {}),
      ...(evicted.length > 0 ? { evicted } : {}),
    };
  };

  app.route({
    method: 'POST',
    url: '/v1/users/:userId/streams/:streamId/heartbeat',
    config,
    schema: {
      tags,
      summary: 'Keeps a stream alive; a body only to play another content in the same slot',
      params: streamParams,
      body: heartbeatBody,
      response: { 200: answers.beat, 409: problem, 410: problem, default: problem },
    },
    handler: async (request) => await beat(request, request.params, request.body?.contentId),
  });

  app.route({
    method: 'POST',
    url: '/v1/heartbeats',
    config,
    schema: {
      tags,
      summary: `Keeps up to ${MAX_BATCHED_BEATS} streams alive, of any accounts the token acts for`,
      body: heartbeatsBody,
      response: { 200: answers.beats, default: problem },
    },
    handler: async (request) => {
      const results = await Promise.all(request.body.map((item) => beatOne(request, item)));
      return { results };
    },
  });

  const beatOne = async (request: FastifyRequest, item: unknown) => {
    const ref = namesIn(item);
    try {
      const parsed = batchedBeat.safeParse(item);
      if (!parsed.success)
        throw new Problem(
          'invalid-request',
          parsed.error.issues.map(({ message, path }) => `${path.join('.') || 'beat'}: ${message}`).join('; '),
        );
      const { userId, streamId, contentId } = parsed.data;
      await guard.admitUser(callerOf(request), userId);
      return { ...ref, status: 200, ...(await beat(request, { userId, streamId }, contentId)) };
    } catch (error) {
      const problem = toProblem(error);
      metrics.problem(problem.code);
      if (problem.code === 'internal')
        request.log.error({ err: problem.cause, requestId: request.id }, 'a beat failed');
      return { ...ref, status: problem.status, problem: problem.toBody(request.id) };
    }
  };
}

/** Proof of the slot until the next beat must have come; none where nobody who could be asked knows of it. */
export function leaseOf(
  leases: LeaseSigner,
  { stream, expiresInMs, unproven }: Pick<Alive, 'stream' | 'expiresInMs' | 'unproven'>,
): { readonly lease?: string } {
  const { userId, streamId, deviceId, contentId } = stream;
  if (unproven || deviceId === undefined) return {};
  const content = contentId === undefined ? {} : { contentId };
  return { lease: leases.sign({ userId, streamId, deviceId, expiresInMs, ...content }) };
}

/** As far as they can be read, so that whoever asked finds its stream. */
function namesIn(item: unknown): Partial<StreamRef> {
  const userId: unknown = Reflect.get(Object(item), 'userId');
  const streamId: unknown = Reflect.get(Object(item), 'streamId');
  return {
    ...(typeof userId === 'string' ? { userId } : {}),
    ...(typeof streamId === 'string' ? { streamId } : {}),
  };
}
