import { NativeConnection, type NativeConnectionOptions } from '@temporalio/worker';
import { DependencyAwayError, type Dependency } from '../contracts/shared/dependency.ts';
import { within } from './passing-failures.ts';
import type { ProcessRuntime } from './runtime.ts';
import { SetupError } from './setup-error.ts';

/** The native transport waits for ever for a server that takes the connection and answers nothing. */
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Connects to Temporal, for as long as it does not answer: a process that ended instead would be started again after ever longer
 * pauses by its orchestrator, and stay away for minutes after Temporal is back.
 *
 * @param signal ends the waiting
 * @throws SetupError with what the last attempt failed with
 */
export async function connectToTemporal(
  options: NativeConnectionOptions,
  temporal: Dependency,
  runtime: ProcessRuntime,
  signal: AbortSignal,
): Promise<NativeConnection> {
  let tried = false;
  const attempt = async (): Promise<NativeConnection> => {
    if (tried) await runtime.renew();
    tried = true;
    return await within(CONNECT_TIMEOUT_MS, NativeConnection.connect(options), (late) => late.close());
  };
  try {
    return await temporal.startWith(attempt, signal);
  } catch (error) {
    throw error instanceof DependencyAwayError ? error : unreachable(options.address, error);
  }
}

function unreachable(address = 'localhost:7233', error: unknown): SetupError {
  // The transport's own text nests what matters: `... Os { code: 111, message: "Connection refused" }`.
  const [, reason] = /message: "([^"]+)"/.exec(error instanceof Error ? error.message : '') ?? [];
  return new SetupError(
    `Temporal does not answer at ${address}; start it, or mend TEMPORAL_ADDRESS and TEMPORAL_TLS_*`,
    reason ?? error,
  );
}
