import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import { connect, type TLSSocket } from 'node:tls';
import type { NginxServer } from '../support/nginx.ts';

export interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Request {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
}

export async function ask(
  { port, certificate }: NginxServer,
  path: string,
  { method, headers, body }: Request,
): Promise<Answer> {
  const options = { port, host: '127.0.0.1', servername: 'localhost', ca: certificate, path, agent: false };
  return await answerOf(tlsRequest({ ...options, method: method ?? 'GET', headers: headers ?? {} }), body);
}

export async function answerOf(request: ClientRequest, body?: string): Promise<Answer> {
  const answered = Promise.withResolvers<IncomingMessage>();
  request.once('response', answered.resolve);
  // A server that refuses may answer and close before all is sent.
  request.on('error', answered.reject);
  request.end(body);
  const response = await answered.promise;
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

export function assertProblem({ status, headers, body }: Answer, code: string): void {
  assert.match(`${headers['content-type']}`, /^application\/problem\+json/);
  const problem: Record<string, unknown> = JSON.parse(body);
  assert.equal(problem['type'], `urn:stream-sessions:problem:${code}`);
  assert.equal(problem['status'], status);
}

/** A connection to write to by hand; its errors are only seen as its end. */
export async function openSocket({ port, certificate }: NginxServer): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca: certificate });
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  return socket;
}

/** Resolves when the other side has ended the connection, by whatever means. */
export async function ended(socket: TLSSocket): Promise<void> {
  socket.resume();
  const closed = Promise.withResolvers<void>();
  if (socket.closed) closed.resolve();
  else socket.once('close', () => closed.resolve());
  await closed.promise;
}

export async function firstText(socket: TLSSocket): Promise<string> {
  const received = Promise.withResolvers<string>();
  socket.once('data', (data: Buffer) => received.resolve(data.toString()));
  socket.once('close', () => received.resolve(''));
  return await received.promise;
}
