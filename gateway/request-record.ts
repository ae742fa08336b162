import type { FastifyReply, FastifyRequest } from 'fastify';
import { v7 as uuidv7 } from 'uuid';
import type { Logger } from 'pino';
import type { AccessRecord } from '../contracts/access-record.ts';
import type { AccessLog } from './access-log/access-log.ts';
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
    const record = { ...recordOf(request, reply), gateway: instance };
    metrics.request(record.method, record.route, record.status, record.durationMs / 1_000);
    if (request.problem !== undefined) metrics.problem(request.problem);
    if (request.routeOptions.config.access === 'probe') return;
    if (record.status >= 500) logger.warn(record, 'request');
    else logger.debug(record, 'request');
    accessLog?.write(record);
  });
}

function recordOf(request: FastifyRequest, reply: FastifyReply): Omit<AccessRecord, 'gateway'> {
  const { userId, streamId = request.streamId } = namesIn(request);
  const userAgent = request.headers['user-agent'];
  const bytes = Number(reply.getHeader('content-length'));
  const durationMs = Math.round(reply.elapsedTime * 1_000) / 1_000;
  return {
    id: uuidv7(),
    at: new Date(Date.now() - durationMs).toISOString(),
    requestId: request.id,
    method: request.method,
    route: request.routeOptions.url ?? 'none',
    status: reply.statusCode,
    durationMs,
    address: request.clientAddress,
    ...(Number.isSafeInteger(bytes) ? { bytes } : {}),
    ...(userId === undefined ? {} : { userId }),
    ...(streamId === undefined ? {} : { streamId }),
    ...(request.deviceId === undefined ? {} : { deviceId: request.deviceId }),
    ...(request.caller ? { caller: request.caller.subject } : {}),
    ...(userAgent === undefined ? {} : { userAgent }),
    ...(request.problem === undefined ? {} : { problem: request.problem }),
  };
}

/** Of the path, as its route names them. */
export function namesIn({ params }: FastifyRequest): { readonly userId?: string; readonly streamId?: string } {
  return params ?? {};
}
