/** What AWS's SQS does and fauxqs 2.4.1 does not, put in front of it: characters beyond the BMP, and redrive as the console does it. */
import type { buildApp } from 'fauxqs';
import { z } from 'zod';
import type { Internals, SqsMessage, SqsQueue, SqsStore } from './fauxqs-internals.ts';
import { MessageMoveTasks, SqsRefusal } from './message-move-tasks.ts';

type App = ReturnType<typeof buildApp>;
type Batch = z.output<typeof batchSchema>;
type Entry = z.output<typeof entrySchema>;

/** A code point that SQS refuses in a body, and in the value of a String attribute, whose rules are the same. */
const REFUSED_CHARACTER = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u;
const REFUSAL =
  'Invalid characters found. Valid unicode characters are ' +
  '#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF.';

const entrySchema = z.looseObject({
  Id: z.string().optional(),
  MessageAttributes: z.record(z.string(), z.looseObject({ StringValue: z.string().optional() })).optional(),
});
const batchSchema = z.looseObject({ Entries: z.array(entrySchema) });
const batchAnswerSchema = z.looseObject({ Failed: z.array(z.unknown()).default([]) });

/**
 * Takes all characters of XML 1.0, as AWS does. fauxqs 2.4.1 asks one regular expression, which knows no code points beyond
 * the BMP and so takes both halves of an emoji for characters by themselves: it is asked the right question here.
 */
export function takeAllCharacters({ INVALID_MESSAGE_BODY_CHAR }: Internals): void {
  INVALID_MESSAGE_BODY_CHAR.test = (body) => REFUSED_CHARACTER.test(body);
}

/** Answers what fauxqs does not; the rest goes on to it. */
export function extendSqs(app: App, store: SqsStore, { SqsStore: Store }: Internals): void {
  const tasks = new MessageMoveTasks(store, (found) => originOf(store, found), Store);
  const refused = new WeakMap<object, readonly object[]>();

  app.addHook('preHandler', async (request, reply) => {
    const action = actionOf(request.headers['x-amz-target']);
    try {
      if (action === 'SendMessage') requireCharacters(entrySchema.safeParse(request.body).data);
      else if (action === 'SendMessageBatch') {
        const batch = batchSchema.safeParse(request.body).data;
        const failed = batch && takeOutRefused(batch);
        if (failed === undefined || failed.length === 0) return;
        if (failed.length === batch?.Entries.length) return await reply.send({ Successful: [], Failed: failed });
        refused.set(request, failed);
        request.body = { ...batch, Entries: batch?.Entries.filter((entry) => refusalIn(entry) === undefined) };
      } else if (tasks.handles(action)) return await reply.type(JSON_TYPE).send(tasks.handle(action, request.body));
    } catch (error) {
      if (!(error instanceof SqsRefusal)) throw error;
      return await reply
        .code(error.status)
        .type(JSON_TYPE)
        .header('x-amzn-query-error', `${error.queryCode};Sender`)
        .send({ __type: `com.amazonaws.sqs#${error.code}`, message: error.message });
    }
  });
  app.addHook('preSerialization', async (request, _reply, payload: unknown) => {
    const failed = refused.get(request);
    const answer = failed && batchAnswerSchema.safeParse(payload).data;
    return answer ? { ...answer, Failed: [...answer.Failed, ...failed] } : payload;
  });
  app.addHook('onClose', () => tasks.stop());
}

const JSON_TYPE = 'application/x-amz-json-1.0';

function actionOf(target: string | readonly string[] | undefined): string {
  return typeof target === 'string' ? target.replace('AmazonSQS.', '') : '';
}

function requireCharacters(message: Entry | undefined): void {
  const refusal = message && refusalIn(message);
  if (refusal !== undefined) throw new SqsRefusal('InvalidParameterValue', refusal);
}

function takeOutRefused({ Entries }: Batch): object[] {
  return Entries.flatMap((entry) => {
    const Message = refusalIn(entry);
    if (Message === undefined) return [];
    return [{ Id: entry.Id, SenderFault: true, Code: 'InvalidParameterValue', Message }];
  });
}

interface Attributed {
  readonly MessageAttributes?: Readonly<Record<string, { readonly StringValue?: string | undefined }>> | undefined;
}

function refusalIn({ MessageAttributes = {} }: Attributed): string | undefined {
  const found = Object.entries(MessageAttributes).find(([, { StringValue = '' }]) =>
    REFUSED_CHARACTER.test(StringValue),
  );
  return found && `The message attribute ${found[0]} cannot be taken. ${REFUSAL}`;
}

/** From which queue a redrive policy moved a message; `undefined`: it was sent to where it stands. */
const origins = new WeakMap<SqsMessage, string | undefined>();

/**
 * Remembers from where a queue's redrive policy takes messages to its dead-letter queue, and takes no delivery of SNS that SQS
 * would not: a raw one may bear what only an envelope can escape.
 */
export function trackOrigins(queue: SqsQueue): void {
  const { enqueue, dequeue } = { enqueue: queue.enqueue.bind(queue), dequeue: queue.dequeue.bind(queue) };
  queue.enqueue = (message) => {
    if (!isTaken(message)) return;
    origins.set(message, redriving);
    enqueue(message);
  };
  queue.dequeue = (...args) => {
    redriving = queue.arn;
    try {
      return dequeue(...args);
    } finally {
      redriving = undefined;
    }
  };
}

/** The queue that is being received from, which moves what was received too often; nothing is awaited meanwhile. */
let redriving: string | undefined;

function isTaken({ body, messageAttributes }: SqsMessage): boolean {
  return !REFUSED_CHARACTER.test(body) && refusalIn({ MessageAttributes: messageAttributes }) === undefined;
}

/** What was loaded from disk no longer knows; where one queue alone has this dead-letter queue, it is that one. */
function originOf(store: SqsStore, { message, sources }: { message: SqsMessage; sources: readonly SqsQueue[] }) {
  if (!origins.has(message)) return sources.length === 1 ? sources[0] : undefined;
  const arn = origins.get(message);
  return arn === undefined ? undefined : store.getQueueByArn(arn);
}
