import type { AcquireOptions } from '../../client/sessions.ts';
import type { SessionPolicy } from '../../contracts/sessions/session-limits.ts';
import { toActiveStream } from '../../contracts/sessions/session-stream.ts';
import { callerOf, type GatewayApp } from '../app.ts';
import { hasScope, requireDevice, SCOPES } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import { evictAs, requireOwnStreams, visibleTo } from '../device-scope.ts';
import type { Guard } from '../guard.ts';
import type { LeaseSigner } from '../leases/lease-signer.ts';
import { Problem } from '../problem.ts';
import {
  acquireBody,
  answers,
  evictionBody,
  idempotencyHeaders,
  streamParams,
  userParams,
  withoutNulls,
} from '../schemas.ts';
import type { StreamAddresses } from '../watch/stream-addresses.ts';
import type { StreamWatch } from '../watch/stream-watch.ts';
import { leaseOf } from './heartbeats.ts';

export interface StreamRoutesOptions {
  readonly watch: StreamWatch;
  readonly leases: LeaseSigner;
  readonly guard: Guard;
  readonly policy: () => SessionPolicy;
  readonly addresses: StreamAddresses;
}

/** The typed routes of an account's streams. */
export function registerStreamRoutes(app: GatewayApp, options: StreamRoutesOptions): void {
  const { watch, leases, guard, policy, addresses } = options;
  const tags = ['streams'];
  const { problem } = answers;

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
      const caller = callerOf(request);
      const { plan: said, ...body } = withoutNulls(request.body);
      request.deviceId = body.deviceId;
      requireDevice(caller, body.deviceId);
      guard.admitPlay(userId, body.deviceId);
      await requireOwnStreams(watch, caller, userId, body.evict ?? []);
      const requestId = request.headers['idempotency-key'];
      const wish: AcquireOptions = {
        ...body,
        ...(requestId === undefined ? {} : { requestId }),
        ...planOf(caller, said),
      };
      const { outcome: _granted, ...granted } = await watch.acquire(userId, wish);
      const { stream, expiresInMs } = granted;
      request.streamId = stream.streamId;
      if (caller.subject === userId)
        addresses.note({ userId, streamId: stream.streamId }, request.clientAddress.address);
      const lease = leaseOf(leases, { stream: { userId, ...stream }, expiresInMs });
      return await reply.code(201).send({ ...granted, stream: toActiveStream(stream), ...lease });
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
      const { userId, streamId } = request.params;
      await requireOwnStreams(watch, callerOf(request), userId, [streamId]);
      await watch.release(userId, streamId);
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
      const { userId } = request.params;
      const caller = callerOf(request);
      const view = visibleTo(caller, await watch.list(userId));
      const several = await addresses.several(
        userId,
        view.active.map(({ streamId }) => streamId),
      );
      const active = view.active.map((stream) => {
        const count = several.get(stream.streamId);
        return { ...toActiveStream(stream), ...(count === undefined ? {} : { addresses: count }) };
      });
      return { ...view, active, limit: view.limit ?? capOf(policy(), caller.plan) };
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
    handler: async (request) =>
      await evictAs(callerOf(request), watch, request.params.userId, withoutNulls(request.body)),
  });
}

/**
 * A service says for which plan it asks, where its token does not; of a user the token alone decides.
 *
 * @throws Problem (`invalid-request`)
 */
function planOf(caller: Caller, said: string | undefined): { readonly plan?: string } {
  if (said !== undefined && !hasScope(caller, SCOPES.streams))
    throw new Problem('invalid-request', 'plan: of a user it is a claim of the token, and only a service may say it');
  const plan = said ?? caller.plan;
  return plan === undefined ? {} : { plan };
}

/** Of an account that never acquired. */
function capOf({ caps, plans }: SessionPolicy, plan: string | undefined): number {
  return (plan === undefined ? undefined : plans?.[plan]?.account) ?? caps.account;
}
