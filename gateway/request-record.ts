import type { FastifyReply, FastifyRequest } from 'fastify';
import { v7 as uuidv7 } from 'uuid';
import type { Logger } from 'pino';
import type { AccessRecord } from '../contracts/sessions/access-record.ts';
import type { AccessLog } from '../access-log/access-log.ts';
import type { GatewayApp } from './app.ts';
import type { GatewayMetrics } from './metrics.ts';

export interface RequestRecordOptions {
  readonly metrics: GatewayMetrics;
  readonly logger: Logger;
  readonly accessLog?: AccessLog | undefined;
  /** Which gateway this is, in the access log. */
  readonly instance: string;
}

/** Notes each request when it was answered: metrics, a log line, the access log. Never a header, a query or a token. */
export function recordRequests(app: GatewayApp, { metrics, logger, accessLog, instance }: RequestRecordOptions): void {
  app.addHook('onResponse', async (request, reply) => {
    const { statusCode: status } = reply;
    metrics.request(request.method, routeOf(request), status, reply.elapsedTime / 1_000);
    if (request.problem !== undefined) metrics.problem(request.problem);
    if (request.routeOptions.config.access === 'probe') return;
    const level = status >= 500 ? 'warn' : 'debug';
    if (!accessLog && !logger.isLevelEnabled(level)) return;
    const record = { ...recordOf(request, reply), gateway: instance };
    logger[level](record, 'request');
    accessLog?.write(record);
  });
}

function recordOf(request: FastifyRequest, reply: FastifyReply): Omit<AccessRecord, 'gateway'> {
  const { userId = request.userId, streamId = request.streamId } = namesIn(request);
  const userAgent = request.headers['user-agent'];
  const bytes = Number(reply.getHeader('content-length'));
  const durationMs = Math.round(reply.elapsedTime * 1_000) / 1_000;
  return {
    id: uuidv7(),
    at: new Date(Date.now() - durationMs).toISOString(),
    requestId: request.id,
    method: request.method,
    route: routeOf(request),
    status: reply.statusCode,
    durationMs,
    address: request.clientAddress.address,
    ...(Number.isSafeInteger(bytes) ? { bytes } : {}),
    ...(userId === undefined ? {} : { userId }),
    ...(streamId === undefined ? {} : { streamId }),
    ...(request.deviceId === undefined ? {} : { deviceId: request.deviceId }),
    ...(request.caller ? { caller: request.caller.subject } : {}),
    ...(userAgent === undefined ? {} : { userAgent }),
    ...(request.problem === undefined ? {} : { problem: request.problem }),
  };
}

function routeOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? 'none';
}

/** Of the path, as its route names them. */
export function namesIn({ params }: FastifyRequest): { readonly userId?: string; readonly streamId?: string } {
  return params ?? {};
}
