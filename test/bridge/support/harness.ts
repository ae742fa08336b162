import { SQSClient } from '@aws-sdk/client-sqs';
import { startFauxqs, type FauxqsServer } from 'fauxqs';
import assert from 'node:assert/strict';
import { pino, type Logger } from 'pino';
import { z } from 'zod';
import { startBridge, type Bridge, type BridgeOptions } from '../../../bridge/bridge.ts';
import type { BridgeCounter, BridgeMeter, BridgeMetricLabels } from '../../../bridge/bridge-meter.ts';
import type { BridgeCounts, MessageCounts } from '../../../bridge/queue-tally.ts';
import { deadLetterQueueName, type EventKind } from '../../../contracts/shared/names.ts';
import { loadFauxqsInternals } from '../../../local/fauxqs-internals.ts';
import { takeAllCharacters } from '../../../local/sqs-extensions.ts';
import { FakeStarter } from './fake-starter.ts';
import { FaultProxy } from './fault-proxy.ts';
import { nextSerial } from './messages.ts';

const logLine = z.looseObject({ level: z.number(), msg: z.string() });
export type LogLine = z.infer<typeof logLine>;

/** The emulator, the fault proxy before it, and whatever bridges a test starts; one per test file. */
export class Harness implements AsyncDisposable {
  readonly server: FauxqsServer;
  readonly proxy: FaultProxy;
  readonly sqs: SQSClient;
  readonly logs: LogLine[] = [];
  readonly metrics = new MemoryMeter();
  starter = new FakeStarter();
  #bridges: Bridge[] = [];
  readonly #clients: SQSClient[] = [];

  private constructor(server: FauxqsServer, proxy: FaultProxy) {
    this.server = server;
    this.proxy = proxy;
    // As the product has it: a short one would lose, on a slow machine, what a receive was just answered.
    this.sqs = this.sqsWithin(30_000);
  }

  static async start(): Promise<Harness> {
    // As SQS itself and the local stack do.
    takeAllCharacters(await loadFauxqsInternals());
    const server = await startFauxqs({ port: 0, logger: false, messageSpies: true });
    const proxy = new FaultProxy(server.address);
    await proxy.listen();
    return new Harness(server, proxy);
  }

  /** A client that gives up a request after this long; it lives as long as the harness. */
  sqsWithin(requestTimeout: number): SQSClient {
    const client = new SQSClient({
      endpoint: this.proxy.address,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts: 2,
      requestHandler: { requestTimeout, throwOnRequestTimeout: true },
    });
    this.#clients.push(client);
    return client;
  }

  /** A queue with a dead-letter queue and, unless given otherwise, a redrive policy that would hide lost messages late. */
  createQueue({ fifo = false, maxReceiveCount = 100, deadLetterAttributes = {} } = {}): string {
    const queue = `bridge-${nextSerial()}${fifo ? '.fifo' : ''}`;
    const type = fifo ? { FifoQueue: 'true' } : {};
    const { queueArn } = this.server.createQueue(deadLetterQueueName(queue), {
      attributes: { ...type, ...deadLetterAttributes },
    });
    const redrive = JSON.stringify({ deadLetterTargetArn: queueArn, maxReceiveCount });
    this.server.createQueue(queue, { attributes: { ...type, RedrivePolicy: redrive } });
    return queue;
  }

  async bridge(queue: string, kind: EventKind = 'activity', options: Partial<BridgeOptions> = {}): Promise<Bridge> {
    const bridge = await startBridge({
      sqs: this.sqs,
      starter: this.starter,
      queues: [{ queue, kind }],
      longPollSeconds: 1,
      visibilityTimeoutSeconds: 30,
      shutdownGraceMs: 5_000,
      logger: this.#logger(),
      meter: this.metrics,
      ...options,
    });
    this.#bridges.push(bridge);
    return bridge;
  }

  messages(queue: string) {
    const inspected = this.server.inspectQueue(queue);
    assert.ok(inspected, `${queue} exists`);
    return inspected.messages;
  }

  deadLetters(queue: string) {
    return this.messages(deadLetterQueueName(queue)).ready;
  }

  assertEmpty(queue: string): void {
    const { ready, inflight, delayed } = this.messages(queue);
    assert.deepEqual([ready.length, inflight.length, delayed.length], [0, 0, 0]);
  }

  warnings(): readonly LogLine[] {
    return this.logs.filter(({ level }) => level >= 40);
  }

  /** Between tests: no faults, no bridges, fresh records. */
  async reset(): Promise<void> {
    this.proxy.fault = () => undefined;
    this.starter.down = false;
    this.starter.delayMs = 0;
    this.starter.refuses = () => false;
    await Promise.all(this.#bridges.map((bridge) => bridge.stop()));
    this.#bridges = [];
    this.starter = new FakeStarter();
    this.logs.length = 0;
    this.proxy.seen.length = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.destroy();
    await this.proxy.close();
    await this.server.stop();
  }

  #logger(): Logger {
    return pino({ level: 'debug' }, { write: (line: string) => this.logs.push(logLine.parse(JSON.parse(line))) });
  }
}

/** Counts in memory, by metric and labels. */
export class MemoryMeter implements BridgeMeter {
  readonly #values = new Map<string, number>();

  counter(name: BridgeCounter) {
    return {
      add: (value: number, labels: BridgeMetricLabels) => {
        const key = keyOf(name, labels);
        this.#values.set(key, (this.#values.get(key) ?? 0) + value);
      },
    };
  }

  gauge(name: string) {
    return { set: (value: number, labels: BridgeMetricLabels) => void this.#values.set(keyOf(name, labels), value) };
  }

  value(name: string, labels: BridgeMetricLabels): number {
    return this.#values.get(keyOf(name, labels)) ?? 0;
  }
}

function keyOf(name: string, { queue, reason = '', scope = '' }: BridgeMetricLabels): string {
  return [name, queue, reason, scope].join(' ');
}

/** Fails unless every message received is accounted for, in total and in each queue. */
export function assertConserved(counts: BridgeCounts): void {
  for (const each of [counts, ...Object.values(counts.queues)]) {
    const { received, started, joined, deduplicated, rejected, returned, inFlight }: MessageCounts = each;
    assert.equal(received, started + joined + deduplicated + rejected + returned + inFlight, JSON.stringify(each));
  }
}
