import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import type { SessionPolicy } from '../../../contracts/sessions/session-limits.ts';
import type { AcquireRequest, EvictRequest } from '../../../contracts/sessions/stream-sessions.ts';
import { SessionLedger } from '../../../workflows/sessions/session-ledger.ts';

/**
 * What the next request meets: an answer by somebody in between, a connection that breaks before or after the request was
 * carried out, or no answer at all.
 */
export type Fault =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: unknown }
  | 'drop'
  | 'loseAnswer'
  | 'hang';

/** The gateway's routes over ledgers in memory: enough of it to be called. */
export interface StandInGateway {
  readonly url: string;
  readonly requests: { method: string; url: string; token: string | undefined; key: string | undefined }[];
  /** For the next requests, one each. */
  readonly faults: Fault[];
  policy: SessionPolicy;
  /** The account, to see and do there what no route does. */
  ledgerOf(userId: string): SessionLedger;
  stop(): Promise<void>;
}

interface BeatResult {
  readonly status: number;
  readonly problem?: Record<string, unknown>;
  readonly [field: string]: unknown;
}

interface Params {
  readonly userId: string;
  readonly streamId: string;
}

export async function startStandInGateway(policy: SessionPolicy, prefix = ''): Promise<StandInGateway> {
  const app = Fastify({ forceCloseConnections: true, routerOptions: { maxParamLength: 1_000 } });
  const ledgers = new Map<string, SessionLedger>();
  const ledgerOf = (userId: string): SessionLedger => {
    const ledger = ledgers.get(userId) ?? new SessionLedger(Date.now());
    ledgers.set(userId, ledger);
    return ledger;
  };
  const gateway: StandInGateway = {
    url: '',
    requests: [],
    faults: [],
    policy,
    ledgerOf,
    stop: () => app.close(),
  };
  const lease = (streamId: string): string => `lease of ${streamId}, ${gateway.requests.length}`;
  const lost = new WeakSet<FastifyRequest>();

  app.addHook('onRequest', async (request, reply) => {
    const { method, url, headers } = request;
    const key = headers['idempotency-key'];
    gateway.requests.push({
      method,
      url,
      token: headers.authorization,
      key: typeof key === 'string' ? key : undefined,
    });
    const fault = gateway.faults.shift();
    if (fault === undefined) return;
    if (fault === 'loseAnswer') lost.add(request);
    else if (typeof fault === 'object')
      await reply
        .code(fault.status)
        .headers(fault.headers ?? {})
        .send(fault.body);
    else {
      reply.hijack();
      if (fault === 'drop') request.raw.socket.destroy();
    }
  });
  app.addHook('onSend', async (request) => {
    if (lost.has(request)) request.raw.socket.destroy();
  });

  app.post<{ Params: Params; Body: AcquireRequest }>(`${prefix}/v1/users/:userId/streams`, (request, reply) => {
    const key = request.headers['idempotency-key'];
    const wish = { ...request.body, mode: 'watched', ...(typeof key === 'string' ? { requestId: key } : {}) } as const;
    const answer = ledgerOf(request.params.userId).acquire(wish, gateway.policy, Date.now());
    if (answer.outcome === 'idTaken') return problem(reply, 409, 'stream-id-taken', { detail: answer.message });
    if (answer.outcome === 'otherRequest') return problem(reply, 422, 'request-mismatch', { detail: answer.message });
    if (answer.outcome === 'ended') return problem(reply, 410, 'stream-ended', { ...answer.end });
    if (answer.outcome === 'refused') {
      const { conflicts, violation, active, limit } = answer;
      return problem(reply, 409, 'stream-limit-reached', { conflicts, violation, active, limit });
    }
    const { outcome: _, ...granted } = answer;
    const expiresInMs = gateway.policy.leaseMs;
    return reply.code(201).send({ ...granted, expiresInMs, lease: lease(granted.stream.streamId), later: 'field' });
  });
  const beat = ({ userId, streamId }: Params, contentId?: string): BeatResult => {
    const ledger = ledgerOf(userId);
    ledger.heartbeat([{ streamId }], Date.now());
    const { active, ended } = ledger.view();
    const stream = active.find((other) => other.streamId === streamId);
    const end = ended.find((other) => other.streamId === streamId)?.end ?? { reason: 'unknown' };
    if (!stream) return { status: 410, problem: problemBody(410, 'stream-ended', { ...end }) };
    const switched = contentId === undefined ? undefined : ledger.switchContent({ streamId, contentId }, Date.now());
    if (switched?.outcome === 'refused') {
      const { conflicts, violation } = switched;
      return { status: 409, problem: problemBody(409, 'stream-limit-reached', { conflicts, violation }) };
    }
    const { leaseMs: expiresInMs, heartbeatIntervalMs } = gateway.policy;
    return { status: 200, expiresInMs, heartbeatIntervalMs, lease: lease(streamId) };
  };
  app.post<{ Params: Params; Body: { contentId?: string } | undefined }>(
    `${prefix}/v1/users/:userId/streams/:streamId/heartbeat`,
    (request, reply) => {
      const { status, problem, ...answer } = beat(request.params, request.body?.contentId);
      if (problem) return reply.code(status).type('application/problem+json').send(problem);
      return reply.send(answer);
    },
  );
  app.post<{ Body: Params[] }>(`${prefix}/v1/heartbeats`, (request, reply) => {
    const results = request.body.map((item) =>
      item.streamId === 'limited'
        ? { ...item, status: 429, problem: problemBody(429, 'rate-limited', { retryAfterMs: 2_000 }) }
        : { ...item, ...beat(item) },
    );
    return reply.send({ results });
  });
  app.delete<{ Params: Params }>(`${prefix}/v1/users/:userId/streams/:streamId`, (request, reply) => {
    const { userId, streamId } = request.params;
    ledgerOf(userId).release([{ streamId, byWatcher: true }], Date.now());
    return reply.code(204).send();
  });
  app.get<{ Params: Params }>(`${prefix}/v1/users/:userId/streams`, (request, reply) => {
    const ledger = ledgerOf(request.params.userId);
    ledger.advance(Date.now());
    return reply.send({ limit: gateway.policy.caps.account, ...ledger.view() });
  });
  app.post<{ Params: Params; Body: EvictRequest }>(`${prefix}/v1/users/:userId/evictions`, (request, reply) =>
    reply.send(ledgerOf(request.params.userId).evict(request.body, Date.now())),
  );
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return Object.assign(gateway, { url: `${url}${prefix}` });
}

export function problemBody(status: number, code: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  const instance = 'urn:stream-sessions:request:r';
  return {
    type: `urn:stream-sessions:problem:${code}`,
    title: code,
    status,
    detail: `it is ${code}`,
    instance,
    ...more,
  };
}

function problem(reply: FastifyReply, status: number, code: string, more: Record<string, unknown>): FastifyReply {
  return reply
    .code(status)
    .type('application/problem+json')
    .send(problemBody(status, code, more));
}
