import { once } from 'node:events';
import { createServer, request as send } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ReadyProxy {
  readonly url: string;
  /** Requests it answered itself, with 503, as its upstream was not ready. */
  readonly refused: number;
  close(): Promise<void>;
}

const CHECK_INTERVAL_MS = 500;
const CHECK_TIMEOUT_MS = 2_000;

/** A load balancer as orchestrators have them: sends requests to an upstream for as long as that says to be ready. */
export async function startReadyProxy(upstream: string): Promise<ReadyProxy> {
  const stop = new AbortController();
  let ready = true;
  let refused = 0;
  const checking = (async () => {
    while (!stop.signal.aborted) {
      const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(CHECK_TIMEOUT_MS)]);
      ready = await fetch(`${upstream}/readyz`, { signal }).then(
        ({ ok }) => ok,
        () => false,
      );
      await sleep(CHECK_INTERVAL_MS, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  })();
  const server = createServer((incoming, answer) => {
    if (!ready) {
      refused += 1;
      answer.writeHead(503).end();
      return;
    }
    const { method, headers, url } = incoming;
    const outgoing = send(upstream + (url ?? ''), { ...(method !== undefined && { method }), headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    outgoing.on('error', () => answer.writeHead(502).end());
    incoming.pipe(outgoing);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    get refused() {
      return refused;
    },
    async close() {
      stop.abort();
      await checking;
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
