import { randomUUID } from 'node:crypto';
import { setImmediate as yieldTurn, setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Internals, SqsMessage, SqsQueue, SqsStore } from './fauxqs-internals.ts';

/** An error as SQS answers it. */
export class SqsRefusal extends Error {
  override readonly name = 'SqsRefusal';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }

  get status(): number {
    return this.code === 'ResourceNotFoundException' ? 404 : 400;
  }

  /** Of the query protocol, which names some errors otherwise. */
  get queryCode(): string {
    return this.code === 'UnsupportedOperation' ? `AWS.SimpleQueueService.${this.code}` : this.code;
  }
}

/** @returns the queue a message in a dead-letter queue came from, among those whose redrive policy names that queue */
export type OriginOf = (found: {
  readonly message: SqsMessage;
  readonly sources: readonly SqsQueue[];
}) => SqsQueue | undefined;

type Status = 'RUNNING' | 'CANCELLED' | 'COMPLETED' | 'FAILED';

interface Task {
  readonly handle: string;
  readonly source: SqsQueue;
  readonly destination: SqsQueue | undefined;
  readonly perSecond: number | undefined;
  readonly startedMs: number;
  /** Ready when the task began; no more are moved, so that what comes back at once is not moved for ever. */
  readonly toMove: number;
  readonly cancelling: AbortController;
  status: Status;
  moved: number;
  failure?: string;
}

const ACTIONS = ['StartMessageMoveTask', 'ListMessageMoveTasks', 'CancelMessageMoveTask'] as const;
type Action = (typeof ACTIONS)[number];

const ARN = /^arn:[^:]+:sqs:[^:]*:[^:]*:[^:]+$/;
const startSchema = z.object({
  SourceArn: z.string(),
  DestinationArn: z.string().optional(),
  MaxNumberOfMessagesPerSecond: z.number().optional(),
});
const listSchema = z.object({ SourceArn: z.string(), MaxResults: z.number().optional() });
const cancelSchema = z.object({ TaskHandle: z.string() });
const redrivePolicySchema = z.object({ deadLetterTargetArn: z.string() });

const MAX_PER_SECOND = 500;
/** As many tasks of a queue as SQS lists. */
const MAX_LISTED = 10;
const BATCH = 10;
const MOVING_VISIBILITY_SECONDS = 30;

/**
 * Redrive as the AWS console and `aws sqs start-message-move-task` do it: messages of a dead-letter queue go back to the queue
 * each came from, or to a given one, with a new id and a new SentTimestamp, body and attributes as they were. A message that was
 * sent to the dead-letter queue by itself came from nowhere: without a destination its task fails with
 * `CouldNotDetermineMessageSource`, as in AWS. Only what is ready is moved. Tasks are forgotten at the end of the process.
 */
export class MessageMoveTasks {
  readonly #store: SqsStore;
  readonly #originOf: OriginOf;
  readonly #messages: Pick<Internals['SqsStore'], 'createMessage'>;
  /** By the ARN of the source, newest first. */
  readonly #tasks = new Map<string, Task[]>();

  constructor(store: SqsStore, originOf: OriginOf, messages: Pick<Internals['SqsStore'], 'createMessage'>) {
    this.#store = store;
    this.#originOf = originOf;
    this.#messages = messages;
  }

  handles(action: string): action is Action {
    return ACTIONS.some((known) => known === action);
  }

  /** @throws SqsRefusal */
  handle(action: Action, body: unknown): object {
    switch (action) {
      case 'StartMessageMoveTask':
        return this.#start(parsed(startSchema, body));
      case 'ListMessageMoveTasks':
        return this.#list(parsed(listSchema, body));
      case 'CancelMessageMoveTask':
        return this.#cancel(parsed(cancelSchema, body));
    }
  }

  /** Cancels what runs. */
  stop(): void {
    for (const task of [...this.#tasks.values()].flat()) task.cancelling.abort();
  }

  #start({ SourceArn, DestinationArn, MaxNumberOfMessagesPerSecond: perSecond }: z.output<typeof startSchema>): object {
    const source = this.#queue('SourceArn', SourceArn);
    const destination = DestinationArn === undefined ? undefined : this.#queue('DestinationArn', DestinationArn);
    if (this.#sourcesOf(source).length === 0) {
      throw new SqsRefusal('InvalidParameterValue', 'Source queue must be configured as a Dead Letter Queue.');
    }
    if (destination === source) {
      throw new SqsRefusal('InvalidParameterValue', 'Source queue arn and destination queue arn must not be the same.');
    }
    if (destination && destination.isFifo() !== source.isFifo()) {
      throw new SqsRefusal('InvalidParameterValue', 'Source queue and destination queue must be of the same type.');
    }
    requireRange('MaxNumberOfMessagesPerSecond', perSecond, MAX_PER_SECOND);
    const tasks = this.#tasks.get(SourceArn) ?? [];
    if (tasks.some(({ status }) => status === 'RUNNING')) {
      throw new SqsRefusal(
        'UnsupportedOperation',
        'There is already a task running. Only one active task is allowed for a source queue arn at a given time.',
      );
    }
    source.processTimers();
    const task: Task = {
      handle: Buffer.from(JSON.stringify({ taskId: randomUUID(), sourceArn: SourceArn })).toString('base64'),
      source,
      destination,
      perSecond,
      startedMs: Date.now(),
      toMove: Number(source.getAttribute('ApproximateNumberOfMessages')),
      cancelling: new AbortController(),
      status: 'RUNNING',
      moved: 0,
    };
    this.#tasks.set(SourceArn, [task, ...tasks].slice(0, MAX_LISTED));
    void this.#run(task);
    return { TaskHandle: task.handle };
  }

  #list({ SourceArn, MaxResults }: z.output<typeof listSchema>): object {
    this.#queue('SourceArn', SourceArn);
    requireRange('MaxResults', MaxResults, MAX_LISTED);
    return { Results: (this.#tasks.get(SourceArn) ?? []).slice(0, MaxResults ?? 1).map(viewOf) };
  }

  #cancel({ TaskHandle }: z.output<typeof cancelSchema>): object {
    const task = [...this.#tasks.values()].flat().find(({ handle }) => handle === TaskHandle);
    if (!task) throw new SqsRefusal('ResourceNotFoundException', 'Task does not exist.');
    if (task.status !== 'RUNNING') {
      throw new SqsRefusal('UnsupportedOperation', 'Only active tasks can be cancelled.');
    }
    task.status = 'CANCELLED';
    task.cancelling.abort();
    return { ApproximateNumberOfMessagesMoved: task.moved };
  }

  async #run(task: Task): Promise<void> {
    const { signal } = task.cancelling;
    try {
      // The caller is answered first.
      await yieldTurn(undefined, { signal });
      while (task.moved < task.toMove && this.#moveSome(task)) {
        if (task.perSecond === undefined) await yieldTurn(undefined, { signal });
        else await sleep(1_000 / task.perSecond, undefined, { ref: false, signal });
      }
      if (task.status === 'RUNNING') task.status = 'COMPLETED';
    } catch (error) {
      if (!signal.aborted) Object.assign(task, { status: 'FAILED', failure: String(error) });
    }
  }

  /** @returns whether there may be more */
  #moveSome(task: Task): boolean {
    const { source, destination, perSecond } = task;
    const count = perSecond === undefined ? Math.min(BATCH, task.toMove - task.moved) : 1;
    const received = source.dequeue(count, MOVING_VISIBILITY_SECONDS);
    for (const { ReceiptHandle } of received) {
      const message = source.inflightMessages.get(ReceiptHandle)?.message;
      if (!message) continue;
      const target = destination ?? this.#originOf({ message, sources: this.#sourcesOf(source) });
      const isGone = target !== undefined && this.#store.getQueueByArn(target.arn) !== target;
      if (task.status !== 'RUNNING' || !target || isGone) {
        source.changeVisibility(ReceiptHandle, 0);
        if (task.status !== 'RUNNING') continue;
        task.status = 'FAILED';
        task.failure = isGone ? 'AWS.SimpleQueueService.NonExistentQueue' : 'CouldNotDetermineMessageSource';
        continue;
      }
      target.enqueue(this.#renewed(message, target));
      source.deleteMessage(ReceiptHandle);
      task.moved += 1;
    }
    return received.length > 0 && task.status === 'RUNNING';
  }

  #renewed(
    { body, messageAttributes, messageGroupId, messageDeduplicationId }: SqsMessage,
    target: SqsQueue,
  ): SqsMessage {
    const message = this.#messages.createMessage(
      body,
      messageAttributes,
      undefined,
      messageGroupId,
      messageDeduplicationId,
    );
    return target.isFifo() ? { ...message, sequenceNumber: target.nextSequenceNumber() } : message;
  }

  #queue(parameter: string, arn: string): SqsQueue {
    if (!ARN.test(arn)) {
      const form = 'arn:<partition>:<service>:<region>:<account-id>:<resource-name>';
      throw new SqsRefusal('InvalidParameterValue', `You must use this format to specify the ${parameter}: ${form}`);
    }
    const queue = this.#store.getQueueByArn(arn);
    if (queue) return queue;
    throw new SqsRefusal(
      'ResourceNotFoundException',
      `The resource that you specified for the ${parameter} parameter doesn't exist.`,
    );
  }

  /** Queues whose redrive policy names this one. */
  #sourcesOf(deadLetters: SqsQueue): readonly SqsQueue[] {
    return [...this.#store.allQueues()].filter(({ attributes: { RedrivePolicy } }) => {
      const policy = redrivePolicySchema.safeParse(parseJson(RedrivePolicy));
      return policy.success && policy.data.deadLetterTargetArn === deadLetters.arn;
    });
  }
}

/** As SQS lists it: the handle only of what can be cancelled. */
function viewOf(task: Task): object {
  return {
    ...(task.status === 'RUNNING' && { TaskHandle: task.handle }),
    Status: task.status,
    SourceArn: task.source.arn,
    ...(task.destination && { DestinationArn: task.destination.arn }),
    ...(task.perSecond !== undefined && { MaxNumberOfMessagesPerSecond: task.perSecond }),
    ApproximateNumberOfMessagesMoved: task.moved,
    ApproximateNumberOfMessagesToMove: task.toMove,
    ...(task.failure !== undefined && { FailureReason: task.failure }),
    StartedTimestamp: task.startedMs,
  };
}

function parsed<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const [name = ''] = result.error.issues[0]?.path ?? [];
  throw new SqsRefusal('MissingParameter', `The request must contain the parameter ${String(name)}.`);
}

function requireRange(parameter: string, value: number | undefined, maximum: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= 1 && value <= maximum)) return;
  throw new SqsRefusal(
    'InvalidParameterValue',
    `Value ${value} for parameter ${parameter} is invalid. Reason: Must be between 1 and ${maximum}.`,
  );
}

function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}
