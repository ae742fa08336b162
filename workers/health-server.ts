import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SetupError } from './setup-error.ts';
import { splitHostAndPort } from '../contracts/settings-fields.ts';

export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

/** What an orchestrator asks for: `GET /healthz` (restart me?) and `GET /readyz` (am I doing my work?). */
export interface HealthChecks {
  live(): boolean;
  /** Names of the parts that are not ready; empty when all are. */
  unready(): readonly string[];
}

/** Serves the checks as JSON with status 200 or 503. */
export async function startHealthServer(hostAndPort: string, checks: HealthChecks): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const answer = (ok: boolean, body: object): void => {
      response.writeHead(ok ? 200 : 503, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      response.end(JSON.stringify(body));
    };
    if (request.url === '/healthz') return answer(checks.live(), { live: checks.live() });
    if (request.url === '/readyz') {
      const unready = checks.unready();
      return answer(unready.length === 0, { ready: unready.length === 0, unready });
    }
    response.writeHead(404).end();
  });
  server.requestTimeout = 5_000;
  const { host, port } = splitHostAndPort(hostAndPort);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new SetupError(`HEALTH_ADDRESS=${hostAndPort} cannot be listened on`, cause));
    });
    server.listen(port, host, resolve);
  });
  return {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server's address is no string
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
