import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';
import type { AdminReply, FromThread, ProcessState, Readiness, ThreadOptions, ToThread } from './admin-messages.ts';
import { StallMeter } from './stall-meter.ts';

// The admin listener's own thread: it answers also while the event loop of the main thread stands still, and says so.

const TICK_MS = 500;
/** For what the main thread has to answer. */
const REPLY_TIMEOUT_MS = 2_500;
const SDK_METRICS_TIMEOUT_MS = 2_000;
/** Longer than a proxy in front keeps an idle connection, which would else send into one that closes. */
const KEEP_ALIVE_MS = 72_000;
const TEXT = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' };
const FORWARDED: ReadonlySet<string> = new Set(['/diagnostics', '/internal/admission']);

const port = parentPort;
if (!port) throw new Error('this is the entry of a worker thread');
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by admin-listener.ts alone
const options = workerData as ThreadOptions;
const tell = (message: FromThread): void => port.postMessage(message);

const eventLoop = new StallMeter();
const waiting = new Map<number, (reply: AdminReply) => void>();
let state: ProcessState = { blocked: [], readiness: { unready: ['starting'] }, roles: {} };
let heard = true;
let requests = 0;

port.on('message', (message: ToThread) => {
  if (message.type === 'state') {
    state = message.state;
    heard = true;
  } else {
    waiting.get(message.id)?.(message.reply);
  }
});
setInterval(() => {
  eventLoop.tick(performance.now(), !heard);
  heard = false;
}, TICK_MS).unref();

const server = createServer((request, response) => {
  request.resume();
  answer(request).then(
    (reply) => send(request, response, reply),
    (error: unknown) => send(request, response, json(500, { error: String(error) })),
  );
});
server.keepAliveTimeout = KEEP_ALIVE_MS;
server.requestTimeout = 5_000;
server.once('error', ({ message }) => tell({ type: 'failed', message }));
server.listen(options.port, options.host, () => {
  const address = server.address();
  tell({ type: 'listening', port: typeof address === 'object' && address ? address.port : options.port });
});

function send({ method }: IncomingMessage, response: ServerResponse, { status, headers, body }: AdminReply): void {
  response.writeHead(status, { 'cache-control': 'no-store', ...headers }).end(method === 'HEAD' ? undefined : body);
}

async function answer(request: IncomingMessage): Promise<AdminReply> {
  const path = request.url?.replace(/\?.*$/, '') ?? '';
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return { ...json(405, { error: 'only GET is offered here' }), headers: { allow: 'GET, HEAD' } };
  }
  if (path === '/healthz') return health();
  if (path === '/readyz') return readiness(state.readiness);
  if (path === '/metrics') return await metrics(request);
  if (FORWARDED.has(path)) return await forward(request, path);
  const role = Object.entries(state.roles).find(([name]) => path === `/readyz/${name}`);
  return role ? readiness(role[1]) : json(404, { error: 'there is nothing here' });
}

function health(): AdminReply {
  const blocked = blockedParts();
  return blocked.length === 0 ? json(200, { live: true }) : json(503, { live: false, blocked });
}

function blockedParts(): readonly string[] {
  return eventLoop.blocked ? [...state.blocked, 'event loop'] : state.blocked;
}

function readiness({ unready, degraded }: Readiness): AdminReply {
  const lacking = [...unready, ...blockedParts()];
  const ready = lacking.length === 0;
  return json(ready ? 200 : 503, { ready, unready: lacking, ...(degraded && { degraded }) });
}

/** All of the process in one text: what the SDK exports is there also while the event loop stands still. */
async function metrics(request: IncomingMessage): Promise<AdminReply> {
  const [ofSdk, ofMain] = await Promise.all([sdkMetrics(), forward(request, '/metrics')]);
  const live = [
    '# HELP worker_process_live What GET /healthz says: 1 or 0',
    '# TYPE worker_process_live gauge',
    `worker_process_live ${blockedParts().length === 0 ? 1 : 0}`,
  ];
  const texts = [live.join('\n'), ofSdk, ofMain.status === 200 ? ofMain.body : ''];
  return {
    status: 200,
    headers: TEXT,
    body: `${texts
      .map((text) => text.trim())
      .filter((text) => text !== '')
      .join('\n')}\n`,
  };
}

async function sdkMetrics(): Promise<string> {
  try {
    const response = await fetch(options.metricsUrl, { signal: AbortSignal.timeout(SDK_METRICS_TIMEOUT_MS) });
    return response.ok ? await response.text() : '';
  } catch {
    return '';
  }
}

async function forward({ rawHeaders, socket }: IncomingMessage, path: string): Promise<AdminReply> {
  requests += 1;
  const id = requests;
  const { promise, resolve } = Promise.withResolvers<AdminReply>();
  const late = json(503, { error: `the main thread does not answer; it is ${eventLoop.blocked ? 'blocked' : 'busy'}` });
  const timer = setTimeout(() => resolve(late), REPLY_TIMEOUT_MS);
  waiting.set(id, resolve);
  tell({ type: 'request', request: { id, path, rawHeaders, remoteAddress: socket.remoteAddress } });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    waiting.delete(id);
  }
}

function json(status: number, body: object): AdminReply {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}
