import { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import type { Gateway } from '../gateway/start.ts';
import { splitHostAndPort } from '../contracts/shared/settings-fields.ts';
import type { AdminReply, ForwardedRequest, FromThread, ProcessState, ToThread } from './admin-messages.ts';
import { SetupError } from './setup-error.ts';

const STATE_INTERVAL_MS = 500;
const EXTENSION = import.meta.url.endsWith('.js') ? 'js' : 'ts';

export interface AdminListenerOptions {
  /** `host:port` of the listener. */
  readonly address: string;
  /** `host:port` where Temporal's SDK exports metrics. */
  readonly metricsAddress: string;
  readonly state: () => ProcessState;
  /** Answers `/diagnostics`, `/internal/admission`, and for its own part `/metrics`. */
  readonly answer: (request: ForwardedRequest) => Promise<AdminReply>;
  readonly logger: Pick<Logger, 'error'>;
}

const FAILED: AdminReply = { status: 500, headers: {}, body: '' };

export interface AdminListener {
  readonly port: number;
  /** Rejects when the listener ends by itself. */
  readonly failed: Promise<never>;
  close(): Promise<void>;
}

/**
 * The listener for orchestrators, Prometheus, operators and proxies: `GET /healthz` (restart me?), `/readyz` and `/readyz/<role>`
 * (am I doing my work?), `/metrics`, `/diagnostics` and `/internal/admission`. It runs in a thread of its own, so that a blocked event
 * loop is answered with 503 instead of silence.
 *
 * @throws SetupError when the address cannot be listened on
 */
export async function startAdminListener(options: AdminListenerOptions): Promise<AdminListener> {
  const { address, metricsAddress, state, answer, logger } = options;
  const thread = new Worker(new URL(`./admin-thread.${EXTENSION}`, import.meta.url), {
    workerData: { ...splitHostAndPort(address), metricsUrl: metricsUrl(metricsAddress) },
  });
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
  const tell = (message: ToThread): void => thread.postMessage(message);
  const listening = Promise.withResolvers<number>();
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  let closing = false;
  const fail = (cause: unknown): void => {
    listening.reject(new SetupError(`HEALTH_ADDRESS=${address} cannot be listened on`, cause));
    if (!closing) failed.reject(new Error('the thread of the admin listener ended', { cause }));
  };
  thread.on('message', (message: FromThread) => {
    if (message.type === 'listening') listening.resolve(message.port);
    else if (message.type === 'failed') fail(message.message);
    else void reply(message.request);
  });
  thread.on('error', fail);
  thread.on('exit', (code) => fail(`exit code ${code}`));
  const reply = async (request: ForwardedRequest): Promise<void> => {
    const answered = await answer(request).catch((err: unknown) => {
      logger.error({ err, path: request.path }, 'the admin listener could not answer');
      return FAILED;
    });
    tell({ type: 'reply', id: request.id, reply: answered });
  };
  const telling = setInterval(() => tell({ type: 'state', state: state() }), STATE_INTERVAL_MS);
  const close = async (): Promise<void> => {
    closing = true;
    clearInterval(telling);
    await thread.terminate();
  };
  try {
    const port = await listening.promise;
    tell({ type: 'state', state: state() });
    return { port, failed: failed.promise, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What only the gateway of this process can answer; 404 where there is none. */
export async function answerForGateway(
  { path, ...request }: ForwardedRequest,
  gateway: Pick<Gateway, 'metrics' | 'admission'> | undefined,
): Promise<AdminReply> {
  if (path === '/metrics') return { status: 200, headers: {}, body: (await gateway?.metrics()) ?? '' };
  if (path !== '/internal/admission' || !gateway) return { status: 404, headers: {}, body: '' };
  return { ...(await gateway.admission(request)), body: '' };
}

/** Of an address that stands for all of a machine, the loopback one. */
function metricsUrl(address: string): string {
  const { host, port } = splitHostAndPort(address);
  const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}/metrics`;
}
