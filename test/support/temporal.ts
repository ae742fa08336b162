import { Connection } from '@temporalio/client';
import { cacheDirectory, inheritedEnvironment } from '../../local/config.ts';
import { findTemporalBinary } from '../../local/temporal-binary.ts';
import { ensureNamespace, ensureSearchAttributes } from '../../local/temporal-namespace.ts';
import { startTemporalServer, type TemporalServer } from '../../local/temporal-server.ts';

export interface SharedTemporal {
  /** `host:port`. */
  readonly address: string;
  readonly connection: Connection;
  readonly namespace: string;
}

const NAMESPACE = 'default';

let server: TemporalServer | undefined;
let shared: Promise<SharedTemporal> | undefined;

/**
 * One Temporal development server, in memory, for all tests of this process; started by the first that asks, ended with the
 * process. Tests keep out of each other's way by workflow ids and task queues of their own.
 */
export function sharedTemporal(): Promise<SharedTemporal> {
  shared ??= start();
  return shared;
}

export async function stopSharedTemporal(): Promise<void> {
  const running = await shared?.catch(() => undefined);
  await running?.connection.close();
  await server?.stop();
  shared = undefined;
  server = undefined;
}

/** The Temporal CLI of this machine; fetched or built, once, where there is none. */
export async function temporalBinary(): Promise<string> {
  return await findTemporalBinary({
    env: inheritedEnvironment(),
    cacheDirectory: cacheDirectory(),
    onProgress: (line) => process.stderr.write(`${line}\n`),
  });
}

async function start(): Promise<SharedTemporal> {
  server = await startTemporalServer({ binary: await temporalBinary(), uiPort: 'none' });
  const connection = await Connection.connect({ address: server.address });
  await ensureNamespace(connection, { namespace: NAMESPACE });
  await ensureSearchAttributes(connection, NAMESPACE);
  return { address: server.address, connection, namespace: NAMESPACE };
}
