import { Client, Connection } from '@temporalio/client';
import type { MetricMeter } from '@temporalio/common';
import type { Logger } from 'pino';
import { BRIDGE_METRICS, type BridgeMeter } from '../bridge/bridge-meter.ts';
import { startBridge, type Bridge, type BridgeOptions } from '../bridge/bridge.ts';
import type { BridgeCounts } from '../bridge/queue-tally.ts';
import { createTemporalStarter } from '../bridge/start-event.ts';
import { eventWorkflowId } from '../contracts/events/event-workflow.ts';
import { createSqsClient } from './aws-clients.ts';
import type { WorkerConfig } from './config.ts';

export interface EventBridgeOptions {
  readonly config: WorkerConfig;
  readonly client: Client;
  readonly logger: Logger;
  readonly meter: MetricMeter;
  /** Time to finish what the bridge holds once it is told to stop, milliseconds. */
  readonly shutdownGraceMs: number;
}

/** The bridge of the four queues, wired to SQS, Temporal and the metrics of this process. */
export async function createEventBridge({
  config,
  client,
  logger,
  meter,
  shutdownGraceMs,
}: EventBridgeOptions): Promise<Bridge> {
  const { environment, policy } = config;
  const bridgeLogger = logger.child({ component: 'bridge' });
  const bridgeMeter = toBridgeMeter(meter);
  const queues = [
    { queue: environment.ACTIVITIES_QUEUE, kind: 'activity' },
    { queue: environment.MENTIONS_QUEUE, kind: 'comment' },
    { queue: environment.REACTIONS_QUEUE, kind: 'reaction' },
    { queue: environment.FOLLOWS_QUEUE, kind: 'follow' },
  ] as const;
  const editsIgnored = bridgeMeter.counter('bridge_edits_ignored_total');
  // Of its own, because its retries end with the deadline of the call; connected when an edge is first resumed.
  const resuming = Connection.lazy(config.temporal.connectionOptions);
  const resumeClient = new Client({ connection: resuming, namespace: config.temporal.namespace });
  const bridge = await startOrClose(resuming, {
    sqs: createSqsClient(config),
    // An eager start goes to the worker of this process, whatever version is current.
    starter: createTemporalStarter({
      client,
      resumeClient,
      policy,
      eagerStart: environment.WORKER_BUILD_ID === undefined,
      onIgnoredEdit: (event) => {
        const queue = queues.find(({ kind }) => kind === event.kind)?.queue ?? '';
        editsIgnored.add(1, { queue });
        bridgeLogger.warn(
          { queue, workflowId: eventWorkflowId(event) },
          'a post with a known ForeignID but other content was ignored',
        );
      },
    }),
    queues,
    receivesInFlight: environment.BRIDGE_RECEIVES_IN_FLIGHT,
    maxInHand: environment.BRIDGE_MAX_IN_HAND,
    longPollSeconds: environment.BRIDGE_LONG_POLL_SECONDS,
    visibilityTimeoutSeconds: environment.BRIDGE_VISIBILITY_TIMEOUT_SECONDS,
    shutdownGraceMs,
    logger: bridgeLogger,
    meter: bridgeMeter,
  });
  let stopped: Promise<BridgeCounts> | undefined;
  return {
    ready: () => bridge.ready(),
    lacks: () => bridge.lacks(),
    counts: () => bridge.counts(),
    stop: () => (stopped ??= stopAndClose(bridge, resuming)),
  };
}

/** The connection is of no use when the bridge does not start. */
async function startOrClose(connection: Connection, options: BridgeOptions): Promise<Bridge> {
  try {
    return await startBridge(options);
  } catch (error) {
    await connection.close();
    throw error;
  }
}

async function stopAndClose(bridge: Bridge, connection: Connection): Promise<BridgeCounts> {
  try {
    return await bridge.stop();
  } finally {
    await connection.close();
  }
}

function toBridgeMeter(meter: MetricMeter): BridgeMeter {
  return {
    counter(name) {
      const counter = meter.createCounter(name, 'message', BRIDGE_METRICS[name]);
      return {
        add: (value, labels) => {
          counter.add(value, { ...labels });
        },
      };
    },
    gauge(name) {
      const gauge = meter.createGauge(name, 'int', 'message', BRIDGE_METRICS[name]);
      return {
        set: (value, labels) => {
          gauge.set(value, { ...labels });
        },
      };
    },
  };
}
