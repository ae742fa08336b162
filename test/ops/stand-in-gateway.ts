import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

export interface StandInGateway {
  readonly port: number;
  /** Requests for admission. */
  readonly asked: IncomingMessage[];
  /** Requests that went through. */
  readonly served: IncomingMessage[];
  admit: (request: IncomingMessage, response: ServerResponse) => void;
  serve: (request: IncomingMessage, response: ServerResponse) => void;
  /** Forgets what it saw and was told. */
  reset(): void;
  close(): Promise<void>;
}

/** What nginx sees of a gateway: it admits all and answers all, unless told otherwise. */
export async function startStandInGateway(): Promise<StandInGateway> {
  const server = createServer((request, response) => {
    request.resume();
    const isAdmission = request.url === '/internal/admission';
    (isAdmission ? gateway.asked : gateway.served).push(request);
    request.once('end', () => (isAdmission ? gateway.admit : gateway.serve)(request, response));
  });
  server.keepAliveTimeout = 72_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const gateway: StandInGateway = {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    asked: [],
    served: [],
    admit,
    serve,
    reset() {
      Object.assign(gateway, { admit, serve });
      gateway.asked.length = 0;
      gateway.served.length = 0;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return gateway;
}

function admit(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(204).end();
}

function serve(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end('{"served":true}');
}
