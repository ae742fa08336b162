import { DefaultLogger, Runtime, type LogLevel, type RuntimeOptions } from '@temporalio/worker';
import type { Logger } from 'pino';
import { SetupError } from './setup-error.ts';

/**
 * Installs Temporal's runtime, once a process: its logs go to pino, its metrics and ours to one Prometheus endpoint, and
 * signals are left to the process entry, which alone decides the order of shutdown.
 *
 * @throws SetupError when the endpoint cannot be listened on
 */
export function installRuntime(logger: Logger, metricsAddress: string): Runtime {
  try {
    return Runtime.install(runtimeOptions(logger, metricsAddress));
  } catch (cause) {
    throw new SetupError(`METRICS_ADDRESS=${metricsAddress} cannot be listened on`, cause);
  }
}

function runtimeOptions(logger: Logger, metricsAddress: string): RuntimeOptions {
  const temporalLogger = logger.child({ component: 'temporal' });
  return {
    shutdownSignals: [],
    logger: new DefaultLogger(toTemporalLevel(logger.level), ({ level, message, meta }) => {
      temporalLogger[toPinoLevel(level)](meta ?? {}, message);
    }),
    telemetryOptions: {
      metrics: { prometheus: { bindAddress: metricsAddress, useSecondsForDurations: true, unitSuffix: true } },
      logging: { forward: {}, filter: { core: 'WARN', other: 'WARN' } },
    },
  };
}

function toTemporalLevel(level: string): LogLevel {
  switch (level) {
    case 'trace':
      return 'TRACE';
    case 'debug':
      return 'DEBUG';
    case 'info':
      return 'INFO';
    case 'warn':
      return 'WARN';
    default:
      return 'ERROR';
  }
}

function toPinoLevel(level: LogLevel): 'trace' | 'debug' | 'info' | 'warn' | 'error' {
  switch (level) {
    case 'TRACE':
      return 'trace';
    case 'DEBUG':
      return 'debug';
    case 'INFO':
      return 'info';
    case 'WARN':
      return 'warn';
    case 'ERROR':
      return 'error';
  }
}
