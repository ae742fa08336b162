import { setTimeout as sleep } from 'node:timers/promises';
import { NativeConnection, TransportError, type NativeConnectionOptions } from '@temporalio/worker';
import type { Logger } from 'pino';
import { backoffMs } from '../contracts/backoff.ts';
import { SetupError } from './setup-error.ts';

/** Long enough for a restart of Temporal; short enough that who deploys a wrong address gets to know. */
const PATIENCE_MS = 60_000;
const PAUSES = { initialMs: 500, maximumMs: 5_000 };

/**
 * Connects to Temporal, for up to a minute while it does not answer: a process that ended each time would be started again
 * after ever longer pauses by its orchestrator, and stay away for minutes after Temporal is back.
 *
 * @param stop ends the waiting
 * @throws SetupError with what the last attempt failed with
 */
export async function connectToTemporal(
  options: NativeConnectionOptions,
  logger: Logger,
  stop: Promise<unknown>,
): Promise<NativeConnection> {
  const deadline = performance.now() + PATIENCE_MS;
  let stopped = false;
  void stop.then(() => (stopped = true));
  for (let failures = 1; ; failures += 1) {
    try {
      return await NativeConnection.connect(options);
    } catch (error) {
      const pauseMs = Math.round(backoffMs(PAUSES, failures));
      const mayPass = error instanceof TransportError && !error.message.includes('ParseError');
      if (!mayPass || stopped || performance.now() + pauseMs > deadline) throw unreachable(options.address, error);
      logger.warn(
        { error: error.message, pauseMs, address: options.address },
        'Temporal does not answer; trying again',
      );
      await Promise.race([sleep(pauseMs), stop]);
    }
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
