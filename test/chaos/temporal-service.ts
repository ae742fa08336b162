import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { freePort } from '../../local/ports.ts';
import { ensureNamespace, ensureSearchAttributes } from '../../local/temporal-namespace.ts';
import { startTemporalServer, type TemporalServer } from '../../local/temporal-server.ts';
import { temporalBinary } from '../support/temporal.ts';

const NAMESPACE = 'default';

/** A Temporal server with its data on disk: killed, it comes back on the same port as it was. */
export class TemporalService {
  readonly address: string;
  readonly #directory: string;
  #server: TemporalServer;

  private constructor(directory: string, server: TemporalServer) {
    this.#directory = directory;
    this.#server = server;
    this.address = server.address;
  }

  static async start(directory: string): Promise<TemporalService> {
    const server = await start(directory, await freePort());
    const connection = await Connection.connect({ address: server.address });
    await ensureNamespace(connection, { namespace: NAMESPACE });
    await ensureSearchAttributes(connection, NAMESPACE);
    await connection.close();
    return new TemporalService(directory, server);
  }

  /** SIGKILL, and the same again after `downMs`. */
  async restart(downMs: number): Promise<void> {
    const { pid, exited } = this.#server;
    process.kill(pid, 'SIGKILL');
    await exited;
    await sleep(downMs);
    this.#server = await start(this.#directory, Number(this.address.slice(this.address.lastIndexOf(':') + 1)));
  }

  async stop(): Promise<void> {
    await this.#server.stop();
  }
}

async function start(directory: string, port: number): Promise<TemporalServer> {
  return await startTemporalServer({
    binary: await temporalBinary(),
    port,
    uiPort: 'none',
    databaseFile: path.join(directory, 'temporal.db'),
  });
}
