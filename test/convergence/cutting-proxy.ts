import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP proxy whose connections are reset, and new ones refused, for a while. */
export class CuttingProxy {
  readonly address: string;
  readonly wasCut: Promise<void>;
  readonly restored: Promise<void>;
  readonly #cut = Promise.withResolvers<void>();
  readonly #restored = Promise.withResolvers<void>();
  readonly #server: Server;
  readonly #open: Set<Socket>;
  readonly #state: { down: boolean };

  private constructor(server: Server, port: number, open: Set<Socket>, state: { down: boolean }) {
    this.#server = server;
    this.#open = open;
    this.#state = state;
    this.address = `127.0.0.1:${port}`;
    this.wasCut = this.#cut.promise;
    this.restored = this.#restored.promise;
  }

  static async start(upstream: string): Promise<CuttingProxy> {
    const port = Number(upstream.slice(upstream.lastIndexOf(':') + 1));
    const open = new Set<Socket>();
    const state = { down: false };
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      if (state.down) return socket.resetAndDestroy();
      open.add(socket);
      const further = connect({ port, host: '127.0.0.1' });
      further.on('error', () => undefined);
      socket.pipe(further).pipe(socket);
      socket.once('close', () => further.destroy());
      further.once('close', () => socket.destroy());
      return socket;
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    return new CuttingProxy(server, typeof address === 'object' && address ? address.port : 0, open, state);
  }

  /** Once; further calls do nothing. */
  cut(forMs: number): void {
    if (this.#state.down) return;
    this.#state.down = true;
    for (const socket of this.#open) socket.resetAndDestroy();
    this.#cut.resolve();
    setTimeout(() => {
      this.#state.down = false;
      this.#restored.resolve();
    }, forMs);
  }

  close(): void {
    for (const socket of this.#open) socket.destroy();
    this.#server.close();
  }
}
