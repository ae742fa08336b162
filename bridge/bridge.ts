import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Logger } from 'pino';
import { deadLetterQueueName, type EventKind } from '../contracts/shared/names.ts';
import type { BridgeMeter } from './bridge-meter.ts';
import type { EventStarter } from './event-starter.ts';
import { QueuePump } from './queue-pump.ts';
import { QueueTally, totalOf, type BridgeCounts } from './queue-tally.ts';
import { SqsQueue } from './sqs-queue.ts';
import { StartGuard } from './start-guard.ts';
import { DEFAULT_START_PATIENCE, type StartPatience } from './start-judge.ts';

export interface BridgeOptions {
  /**
   * Needs `requestTimeout` above `longPollSeconds` together with `throwOnRequestTimeout: true`, and a connection time-out:
   * without them the SDK lets a socket that hangs hold its request for ever [@smithy/node-http-handler only warns]. Two
   * attempts are enough, because the bridge tries again itself.
   */
  readonly sqs: SQSClient;
  readonly starter: EventStarter;
  /** Queues by name; each must exist, and so must its dead-letter queue, see `deadLetterQueueName`. */
  readonly queues: readonly { readonly queue: string; readonly kind: EventKind }[];
  /** Receives at the same time, per queue; default 2. */
  readonly receivesInFlight?: number;
  /**
   * Messages received and not yet settled, per queue; default 100. Those that failed for a reason of their own and wait for
   * their next attempt come on top, ten times as many at most.
   */
  readonly maxInHand?: number;
  /** 1 to 20, default 20. */
  readonly longPollSeconds?: number;
  /** For each delivery and each extension, 1 to 43,200; default 30. */
  readonly visibilityTimeoutSeconds?: number;
  /** Longest `stop()`, default 20,000. The last fifth is kept for handing back what could not be finished. */
  readonly shutdownGraceMs?: number;
  /** While Temporal starts nothing, one message in this time is received nevertheless, per queue; default 10,000. */
  readonly probeAfterMs?: number;
  /** What a message gets that fails to start for a reason of its own, before it goes to the dead-letter queue. */
  readonly startPatience?: StartPatience;
  readonly logger: Logger;
  readonly meter: BridgeMeter;
}

export interface Bridge {
  /**
   * Whether events flow: false while requests to SQS fail, while starts fail for everybody, and once the bridge stops. Messages
   * that fail for reasons of their own do not count.
   */
  ready(): boolean;
  /** Why it is not ready: what fails, or `stopping`; empty when it is. */
  lacks(): readonly ('temporal' | 'sqs' | 'stopping')[];
  counts(): BridgeCounts;
  /**
   * Stops receiving, finishes what is in hand within the grace, and hands back the rest.
   *
   * @returns the final counts, nothing of them in flight; the same promise each time
   */
  stop(): Promise<BridgeCounts>;
}

/** Share of the grace for finishing; the rest is for handing back. */
const FINISHING_SHARE = 0.8;

/**
 * Drains the queues, each in loops of its own, and has every message started, or rejected to the dead-letter queue.
 *
 * @throws Error naming a queue that does not exist, or what SQS answered
 * @throws RangeError naming an option out of range
 */
export async function startBridge(options: BridgeOptions): Promise<Bridge> {
  const limits = limitsOf(options);
  const twice = options.queues.find(
    ({ queue }, index) => options.queues.findIndex((other) => other.queue === queue) < index,
  );
  if (twice) throw new RangeError(`queues names ${twice.queue} twice`);
  const { sqs, starter, meter } = options;
  const found = await Promise.all(
    options.queues.map(async (route) => ({ ...route, ...(await findQueues(sqs, route.queue)) })),
  );
  const guard = new StartGuard(starter, options.startPatience ?? DEFAULT_START_PATIENCE, options.logger);
  const pumps = new Map(
    found.map(({ queue, kind, source, deadLetterQueue }) => {
      const logger = options.logger.child({ queue });
      const tally = new QueueTally(queue, meter);
      return [queue, new QueuePump({ source, deadLetterQueue, kind, starter, guard, tally, logger, ...limits })];
    }),
  );
  options.logger.info({ queues: [...pumps.keys()], ...limits }, 'the bridge drains its queues');
  return new RunningBridge(pumps, guard, options.shutdownGraceMs ?? 20_000, options.logger);
}

class RunningBridge implements Bridge {
  readonly #pumps: ReadonlyMap<string, QueuePump>;
  readonly #guard: StartGuard;
  readonly #graceMs: number;
  readonly #logger: Logger;
  #stopped: Promise<BridgeCounts> | undefined;

  constructor(pumps: ReadonlyMap<string, QueuePump>, guard: StartGuard, graceMs: number, logger: Logger) {
    this.#pumps = pumps;
    this.#guard = guard;
    this.#graceMs = graceMs;
    this.#logger = logger;
  }

  ready(): boolean {
    return this.lacks().length === 0;
  }

  lacks(): readonly ('temporal' | 'sqs' | 'stopping')[] {
    const sqsAnswers = [...this.#pumps.values()].every((pump) => pump.healthy);
    return [
      ...(this.#guard.ready ? [] : (['temporal'] as const)),
      ...(sqsAnswers ? [] : (['sqs'] as const)),
      ...(this.#stopped ? (['stopping'] as const) : []),
    ];
  }

  counts(): BridgeCounts {
    return totalOf(Object.fromEntries([...this.#pumps].map(([queue, pump]) => [queue, pump.counts()])));
  }

  stop(): Promise<BridgeCounts> {
    this.#stopped ??= this.#shutDown([...this.#pumps.values()]);
    return this.#stopped;
  }

  async #shutDown(pumps: readonly QueuePump[]): Promise<BridgeCounts> {
    for (const pump of pumps) pump.stopReceiving();
    const giveUp = setTimeout(() => pumps.forEach((pump) => pump.giveUp()), this.#graceMs * FINISHING_SHARE);
    const end = setTimeout(() => pumps.forEach((pump) => pump.end()), this.#graceMs);
    await Promise.all(pumps.map((pump) => pump.drained()));
    clearTimeout(giveUp);
    clearTimeout(end);
    this.#guard.stop();
    const counts = this.counts();
    this.#logger.info({ counts }, 'the bridge has stopped');
    return counts;
  }
}

async function findQueues(sqs: SQSClient, queue: string) {
  const deadLetters = deadLetterQueueName(queue);
  const [source, deadLetterQueue] = await Promise.all([
    SqsQueue.find(sqs, queue, 'create it, or take it out of the queues this bridge drains'),
    SqsQueue.find(sqs, deadLetters, `create it: the bridge puts messages of ${queue} there that it cannot read`),
  ]);
  return { source, deadLetterQueue };
}

function limitsOf(options: BridgeOptions) {
  return {
    receivesInFlight: checked('receivesInFlight', options.receivesInFlight ?? 2, 1, 100),
    maxInHand: checked('maxInHand', options.maxInHand ?? 100, 1, 100_000),
    longPollSeconds: checked('longPollSeconds', options.longPollSeconds ?? 20, 1, 20),
    visibilityTimeoutSeconds: checked('visibilityTimeoutSeconds', options.visibilityTimeoutSeconds ?? 30, 1, 43_200),
    probeAfterMs: checked('probeAfterMs', options.probeAfterMs ?? 10_000, 1, 86_400_000),
  };
}

function checked(name: string, value: number, minimum: number, maximum: number): number {
  if (Number.isInteger(value) && value >= minimum && value <= maximum) return value;
  throw new RangeError(`${name} must be a whole number from ${minimum} to ${maximum}, not ${value}`);
}
