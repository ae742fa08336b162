import type { Socket } from 'node:net';
import type { FastifyHttpOptions } from 'fastify';
import type { Server } from 'node:http';
import { Problem, PROBLEM_MEDIA_TYPE, type ProblemCode } from './problem.ts';

/** How long and how large a request may be, milliseconds and bytes. */
export interface RequestLimits {
  readonly bodyBytes: number;
  /** All headers together. */
  readonly headerBytes: number;
  /** For all headers to arrive. */
  readonly headersTimeoutMs: number;
  /** For the whole request to arrive. */
  readonly requestTimeoutMs: number;
  /** Of an idle connection; to be above that of a proxy in front, which would else send into a closed one. */
  readonly keepAliveMs: number;
  /** Connections at once. */
  readonly connections: number;
}

/** A slow or oversized request is found out within this. */
const CHECK_INTERVAL_MS = 1_000;
const MAX_HEADERS = 100;

/** Options of Fastify and of Node's server under it. */
export function serverOptions(limits: RequestLimits) {
  const { bodyBytes, headerBytes, headersTimeoutMs, requestTimeoutMs, keepAliveMs } = limits;
  return {
    bodyLimit: bodyBytes,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveMs,
    http: {
      headersTimeout: headersTimeoutMs,
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
      maxHeaderSize: headerBytes,
      // Of two ways to say how long a body is, a proxy and Node might believe different ones.
      insecureHTTPParser: false,
      rejectNonStandardBodyWrites: true,
    },
    clientErrorHandler,
  } satisfies FastifyHttpOptions<Server>;
}

export function limitConnections(server: Server, { connections }: RequestLimits): void {
  server.maxConnections = connections;
  server.maxHeadersCount = MAX_HEADERS;
}

const CODES: Readonly<Record<string, ProblemCode>> = {
  HPE_HEADER_OVERFLOW: 'headers-too-large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request-timeout',
};

/** What never became a request: answered by hand, as there is no reply yet. */
function clientErrorHandler(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const code = CODES[error.code ?? ''] ?? 'invalid-request';
  const problem = new Problem(
    code,
    code === 'invalid-request' ? 'this is no HTTP/1.1 request' : 'the request is refused',
  );
  const body = JSON.stringify(problem.toBody('none'));
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.title}`,
    `content-type: ${PROBLEM_MEDIA_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
