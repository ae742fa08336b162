import { setTimeout as sleep } from 'node:timers/promises';
import { IllegalStateError, type MetricGauge, type MetricMeter } from '@temporalio/common';
import { DefaultLogger, Runtime, type LogLevel, type RuntimeOptions } from '@temporalio/worker';
import type { Logger } from 'pino';
import { SetupError } from './setup-error.ts';

/** How long the metrics endpoint of a runtime that was let go may hold its port, milliseconds, and between two looks at it. */
const RELEASE_MS = 5_000;
const LOOK_MS = 100;

/** A gauge that goes on in the runtime that takes over. */
export interface LastingGauge {
  set(value: number, tags?: Readonly<Record<string, string>>): void;
}

/**
 * Temporal's runtime, once a process: its logs go to pino, its metrics and ours to one Prometheus endpoint, and signals are left to
 * the process entry, which alone decides the order of shutdown.
 */
export class ProcessRuntime {
  readonly #logger: Logger;
  readonly #metricsAddress: string;
  #runtime: Runtime;

  /** @throws SetupError when the endpoint cannot be listened on */
  constructor(logger: Logger, metricsAddress: string) {
    this.#logger = logger;
    this.#metricsAddress = metricsAddress;
    this.#runtime = this.#install();
  }

  /** Of the runtime that is in force, see {@link renew}. */
  get meter(): MetricMeter {
    return this.#runtime.metricMeter;
  }

  gauge(name: string, description: string): LastingGauge {
    let made: { readonly meter: MetricMeter; readonly gauge: MetricGauge } | undefined;
    return {
      set: (value, tags = {}) => {
        const { meter } = this;
        if (made?.meter !== meter) made = { meter, gauge: meter.createGauge(name, 'int', '', description) };
        made.gauge.set(value, tags);
      },
    };
  }

  /**
   * To be called before a connection is tried again: the SDK lets go of its runtime when its only connection fails, and would make
   * the next one on a runtime of its own, without these logs and metrics.
   *
   * @throws SetupError as the constructor does
   */
  async renew(): Promise<void> {
    const deadline = performance.now() + RELEASE_MS;
    for (;;) {
      try {
        this.#runtime = this.#install();
        return;
      } catch (error) {
        if (error instanceof SetupError && error.cause instanceof IllegalStateError) return;
        if (performance.now() > deadline) throw error;
        await sleep(LOOK_MS);
      }
    }
  }

  /** Ends it where no connection did; it would keep the process alive. */
  async shutdown(): Promise<void> {
    await this.#runtime.shutdown();
  }

  #install(): Runtime {
    try {
      return Runtime.install(runtimeOptions(this.#logger, this.#metricsAddress));
    } catch (cause) {
      throw new SetupError(`METRICS_ADDRESS=${this.#metricsAddress} cannot be listened on`, cause);
    }
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
