import type { AcquireOptions } from '../../client/sessions.ts';
import type { SessionPolicy } from '../../contracts/session-limits.ts';
import { mayUseDevice } from '../auth/authorize.ts';
import type { GatewayApp } from '../app.ts';
import type { Guard } from '../guard.ts';
import type { LeaseSigner } from '../leases/lease-signer.ts';
import { Problem } from '../problem.ts';
import { acquireBody, answers, evictionBody, idempotencyHeaders, streamParams, userParams } from '../schemas.ts';
import type { Alive, StreamWatch } from '../watch/stream-watch.ts';

export interface StreamRoutesOptions {
  readonly watch: StreamWatch;
  readonly leases: LeaseSigner;
  readonly guard: Guard;
  readonly policy: () => SessionPolicy;
}

/** The typed routes of an account's streams. */
export function registerStreamRoutes(app: GatewayApp, { watch, leases, guard, policy }: StreamRoutesOptions): void {
  const tags = ['streams'];
  const { problem } = answers;

  const leaseOf = ({ stream, expiresInMs }: Pick<Alive, 'stream' | 'expiresInMs'>): string | Promise<string> => {
    const { userId, streamId, deviceId, contentId } = stream;
    return leases.sign({ userId, streamId, deviceId, expiresInMs, ...(contentId === undefined ? {} : { contentId }) });
  };

  app.route({
    method: 'POST',
    url: '/v1/users/:userId/streams',
    schema: {
      tags,
      summary: 'Takes a slot; beats keep it',
      params: userParams,
      headers: idempotencyHeaders,
      body: acquireBody,
      response: { 201: answers.acquired, 409: problem, 410: problem, default: problem },
    },
    handler: async (request, reply) => {
      const { userId } = request.params;
      const { caller, body } = request;
      request.deviceId = body.deviceId;
      if (caller && !mayUseDevice(caller, body.deviceId)) {
        throw new Problem('forbidden', 'the token is bound to another device');
      }
      guard.admitDevice(body.deviceId);
      const requestId = request.headers['idempotency-key'];
      const wish: AcquireOptions = {
        ...body,
        ...(requestId === undefined ? {} : { requestId }),
        ...(caller?.plan === undefined ? {} : { plan: caller.plan }),
      };
      const { outcome: _granted, ...granted } = await watch.acquire(userId, wish);
      request.streamId = granted.stream.streamId;
      const lease = await leaseOf({ stream: { userId, ...granted.stream }, expiresInMs: granted.expiresInMs });
      return await reply.code(201).send({ ...granted, lease });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/users/:userId/streams/:streamId/heartbeat',
    schema: {
      tags,
      summary: 'Keeps a stream alive; no body',
      params: streamParams,
      response: { 200: answers.beat, 410: problem, default: problem },
    },
    handler: async (request) => {
      const { userId, streamId } = request.params;
      const alive = await watch.heartbeat(userId, streamId);
      const { expiresInMs, heartbeatIntervalMs, ending } = alive;
      return { expiresInMs, heartbeatIntervalMs, lease: await leaseOf(alive), ...(ending ? { ending } : {}) };
    },
  });

  app.route({
    method: 'DELETE',
    url: '/v1/users/:userId/streams/:streamId',
    schema: {
      tags,
      summary: 'Ends a stream; one that is gone already is no error',
      params: streamParams,
      response: { 204: answers.none, default: problem },
    },
    handler: async (request, reply) => {
      await watch.release(request.params.userId, request.params.streamId);
      return await reply.code(204).send();
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/users/:userId/streams',
    schema: {
      tags,
      summary: 'Active streams, the lately ended ones and why they ended',
      params: userParams,
      response: { 200: answers.streams, default: problem },
    },
    handler: async (request) => {
      const view = await watch.list(request.params.userId);
      return { ...view, limit: view.limit ?? capOf(policy(), request.caller?.plan) };
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/users/:userId/evictions',
    schema: {
      tags,
      summary: 'Ends the named streams, or all, whoever plays them',
      params: userParams,
      body: evictionBody,
      response: { 200: answers.evicted, default: problem },
    },
    handler: async (request) => {
      const { by = request.caller?.subject, ...rest } = request.body;
      return await watch.evict(request.params.userId, { ...rest, ...(by === undefined ? {} : { by }) });
    },
  });
}

/** Of an account that never acquired. */
function capOf({ caps, plans }: SessionPolicy, plan: string | undefined): number {
  return (plan === undefined ? undefined : plans?.[plan]?.account) ?? caps.account;
}
