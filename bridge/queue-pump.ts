import type { Logger } from 'pino';
import { FIRST_SENT } from '../contracts/shared/dead-letter-attributes.ts';
import type { EventKind } from '../contracts/shared/names.ts';
import { abortable, Bell } from './abortable.ts';
import { Acknowledger } from './acknowledger.ts';
import { Batcher } from './batcher.ts';
import { DeadLetters } from './dead-letters.ts';
import { decodeBody } from './decode-body.ts';
import type { EventStarter } from './event-starter.ts';
import { InHand, type Held } from './in-hand.ts';
import { PatientStarter } from './patient-starter.ts';
import type { MessageCounts, QueueTally, Settlement } from './queue-tally.ts';
import { ReceivePace } from './receive-pace.ts';
import { Receiver } from './receiver.ts';
import { RetryGate } from './retry-gate.ts';
import type { EntryFailure } from '../contracts/shared/sqs-batch.ts';
import type { QueueMessage, SqsQueue } from './sqs-queue.ts';
import type { StartGuard } from './start-guard.ts';
import { LostVisibility, VisibilityKeeper } from './visibility-keeper.ts';

export interface QueuePumpOptions {
  readonly source: SqsQueue;
  readonly deadLetterQueue: SqsQueue;
  readonly kind: EventKind;
  readonly starter: EventStarter;
  /** Shared by all queues of the starter. */
  readonly guard: StartGuard;
  readonly receivesInFlight: number;
  readonly maxInHand: number;
  readonly longPollSeconds: number;
  readonly visibilityTimeoutSeconds: number;
  readonly probeAfterMs: number;
  readonly tally: QueueTally;
  readonly logger: Logger;
}

class ShuttingDown extends Error {
  override readonly name = 'ShuttingDown';
}

/** Drains one queue: receives, has each message started or rejected, and acknowledges it. */
export class QueuePump {
  readonly #options: QueuePumpOptions;
  readonly #hand: InHand<QueueMessage>;
  readonly #gate: RetryGate;
  readonly #deadLetterGate: RetryGate;
  readonly #acknowledger: Acknowledger;
  readonly #deadLetters: DeadLetters;
  readonly #starter: PatientStarter;
  readonly #returns: Batcher<QueueMessage, EntryFailure>;
  /** Rung whenever a receive may have become possible, or a message has left. */
  readonly #changed = new Bell();
  #warnedOfPlace = false;
  readonly #stopping = new AbortController();
  readonly #givingUp = new AbortController();
  readonly #ending = new AbortController();
  readonly #receiving: Promise<unknown>;
  readonly #keeping: Promise<void>;

  constructor(options: QueuePumpOptions) {
    this.#options = options;
    const { source, deadLetterQueue, starter, guard, tally, logger, visibilityTimeoutSeconds } = options;
    const { signal } = this.#ending;
    this.#hand = new InHand(options.maxInHand);
    this.#gate = this.#gateOf(source);
    this.#deadLetterGate = this.#gateOf(deadLetterQueue);
    this.#acknowledger = new Acknowledger({ queue: source, gate: this.#gate, logger, signal });
    this.#deadLetters = new DeadLetters({ queue: deadLetterQueue, gate: this.#deadLetterGate, logger });
    const [hand, changed, stopping] = [this.#hand, this.#changed, this.#stopping.signal];
    this.#starter = new PatientStarter({ starter, guard, hand, tally, logger, changed, stopping });
    guard.onChange(() => this.#makeRoom());
    this.#returns = new Batcher({ flush: (messages) => source.changeVisibility(messages, 0, signal) });
    const keeper = new VisibilityKeeper({
      queue: source,
      gate: this.#gate,
      hand,
      visibilityTimeoutSeconds,
      logger,
    });
    this.#keeping = keeper.run(signal);
    const receiver = new Receiver({
      ...options,
      gate: this.#gate,
      hand,
      pace: new ReceivePace(guard, options.probeAfterMs),
      changed,
      take: (messages, slots) => this.#take(messages, slots),
    });
    this.#receiving = receiver.run(stopping);
  }

  /** False while requests to SQS fail. */
  get healthy(): boolean {
    return !this.#gate.failing && !this.#deadLetterGate.failing;
  }

  counts(): MessageCounts {
    return this.#options.tally.counts(this.#hand.size);
  }

  /** Receives nothing more; what is in hand goes on, but what failed already is handed back. */
  stopReceiving(): void {
    this.#stopping.abort(new ShuttingDown());
  }

  /** Hands back what is not durable yet. */
  giveUp(): void {
    this.#givingUp.abort();
    this.#hand.abandonAll(new ShuttingDown());
  }

  /** Ends deletes and returns that are still under way. */
  end(): void {
    this.#ending.abort();
  }

  /** Resolves after {@link stopReceiving} once nothing is in hand. */
  async drained(): Promise<void> {
    await this.#receiving;
    while (this.#hand.size > 0) await this.#changed.wait();
    this.#ending.abort();
    await this.#keeping;
  }

  /** What fails for a reason of its own takes no slot while it waits. */
  #makeRoom(): void {
    for (const held of this.#hand) if (this.#options.guard.mayStandAside(held.message)) this.#hand.setAside(held);
    this.#changed.ring();
  }

  #gateOf(queue: SqsQueue): RetryGate {
    const { tally, logger } = this.#options;
    return new RetryGate({
      onFailure: (err, pauseMs) => {
        tally.sqsFailed();
        logger.warn({ err, pauseMs, sqsQueue: queue.name }, 'SQS fails; requests to the queue wait');
      },
      onRecovery: () => logger.info({ sqsQueue: queue.name }, 'SQS answers again'),
    });
  }

  #take(messages: readonly QueueMessage[], slots: number): void {
    const filled = this.#hand.fill(slots, messages, performance.now());
    this.#options.tally.received(filled.length);
    this.#changed.ring();
    for (const held of filled) void this.#handle(held);
  }

  async #handle(held: Held<QueueMessage>): Promise<void> {
    if (this.#givingUp.signal.aborted) held.abandoned.abort(new ShuttingDown());
    this.#options.tally.observe(this.#hand.size);
    const settlement = await this.#decide(held);
    if (settlement.as !== 'returned') {
      held.decided = true;
      await this.#acknowledger.acknowledge(held.message);
    }
    this.#hand.release(held);
    this.#options.guard.settled(held.message);
    this.#options.tally.settled(settlement);
    this.#options.tally.observe(this.#hand.size);
    this.#changed.ring();
  }

  async #decide(held: Held<QueueMessage>): Promise<Settlement> {
    const { message, abandoned } = held;
    try {
      const decoded = decodeBody(this.#options.kind, message.body, message.sentMicros);
      if ('event' in decoded && decoded.placedByQueue) this.#warnOfPlace(message);
      if ('event' in decoded && decoded.clockAhead) this.#options.tally.clockAhead();
      const attempted = 'event' in decoded ? await this.#starter.start(held, decoded.event) : decoded;
      if ('outcome' in attempted) return { as: attempted.outcome };
      const reason = attempted.rejection.code;
      const buried = await this.#deadLetters.put(message, attempted.rejection, abandoned.signal);
      return buried ? { as: 'rejected', reason } : { as: 'returned' };
    } catch (error) {
      await this.#giveBack(held, error);
      return { as: 'returned' };
    }
  }

  /** Once, before it does harm: nothing tells a message that SQS's own redrive brought back from a new one. */
  #warnOfPlace({ attributes }: QueueMessage): void {
    if (this.#warnedOfPlace || FIRST_SENT in attributes) return;
    this.#warnedOfPlace = true;
    this.#options.logger.warn(
      { sqsQueue: this.#options.source.name },
      'events come without EventTime and without an SNS envelope: a redrive by the SQS console or API would make old ones ' +
        'the latest; give messages an EventTime, or redrive with `dead-letters redrive`, which keeps their place',
    );
  }

  async #giveBack({ message, abandoned }: Held<QueueMessage>, error: unknown): Promise<void> {
    const { logger } = this.#options;
    const { messageId } = message;
    if (abandoned.signal.reason instanceof LostVisibility) return;
    if (!abandoned.signal.aborted) {
      logger.error({ messageId, err: error }, 'a message met a defect of the bridge; it is left to the redrive policy');
      return;
    }
    try {
      // A receive that is still under way would be given it again.
      await abortable(this.#receiving, this.#ending.signal);
      const failure = await abortable(this.#returns.add(message), this.#ending.signal);
      logger.info({ messageId, code: failure?.code }, 'handed a message back to SQS');
    } catch (err) {
      logger.warn({ messageId, err }, 'could not hand a message back; SQS delivers it again when its visibility ends');
    }
  }
}
