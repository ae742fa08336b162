import { Client, Connection } from '@temporalio/client';
import type { CliConfig } from './config.ts';

/** Somebody waits at a terminal. */
const CONNECT_TIMEOUT_MS = 4_000;

/** The Temporal server cannot be reached. */
export class TemporalUnreachableError extends Error {
  override readonly name = 'TemporalUnreachableError';
}

/**
 * Runs `use` with a client and closes its connection afterwards.
 *
 * @throws TemporalUnreachableError
 */
export async function withTemporal<Result>(
  { temporal, localStack }: CliConfig,
  use: (client: Client) => Promise<Result>,
): Promise<Result> {
  const { address = 'localhost:7233' } = temporal.connectionOptions;
  const options = { connectTimeout: CONNECT_TIMEOUT_MS, ...temporal.connectionOptions };
  const connection = await Connection.connect(options).catch((cause: unknown) => {
    const advice =
      localStack === undefined
        ? 'set TEMPORAL_ADDRESS, or start the local stack: npm start'
        : `${localStack} names it, but that stack seems to have ended`;
    throw new TemporalUnreachableError(`Temporal cannot be reached at ${address}; ${advice}`, { cause });
  });
  try {
    return await use(new Client({ connection, namespace: temporal.namespace }));
  } finally {
    await connection.close();
  }
}
