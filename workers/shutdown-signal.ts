import type { Logger } from 'pino';

/**
 * The one owner of process signals. Resolves with the first SIGTERM or SIGINT; a second one ends the process at once, for
 * the operator who will not wait.
 */
export function shutdownSignal(logger: Logger): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let stopping = false;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (stopping) {
        logger.warn({ signal }, 'second signal: stopping at once, messages in hand are delivered again');
        process.exit(1);
      }
      stopping = true;
      resolve(signal);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}
