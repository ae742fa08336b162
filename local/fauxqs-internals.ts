/**
 * The parts of fauxqs that it does not export. Its public `buildApp` takes stores, but their classes, and the one that
 * keeps them on disk, can only be had by file. What this buys: the server listens on the loopback address alone
 * (`startFauxqs` listens on all of them), queue URLs that every client can reach, standard queues that reorder and
 * duplicate, all the characters SQS takes, and redrive as the AWS console does it. Checked at start, so that a changed fauxqs says so instead of misbehaving.
 */
import type { BuildAppOptions } from 'fauxqs';
import { z } from 'zod';

export type FauxqsStores = NonNullable<BuildAppOptions['stores']>;
export type SqsStore = FauxqsStores['sqsStore'];
export type SqsQueue = ReturnType<SqsStore['createQueue']>;
export type SqsMessage = Parameters<SqsQueue['enqueue']>[0];
export type Persistence = NonNullable<SqsStore['persistence']>;

const FILES = ['./sqs/sqsStore.js', './sqs/sqsTypes.js', './sns/snsStore.js', './s3/s3Store.js', './persistence.js'];

/** Methods of the store that are wrapped or called. */
const STORE_METHODS = ['createQueue', 'buildQueueUrl', 'allQueues', 'getQueueByArn'];

/** The class itself has the maker of messages. */
interface SqsStoreClass {
  new (): SqsStore;
  createMessage(
    body: string,
    messageAttributes: SqsMessage['messageAttributes'],
    delaySeconds: number | undefined,
    messageGroupId: string | undefined,
    messageDeduplicationId: string | undefined,
  ): SqsMessage;
}

const internalsSchema = z.object({
  SqsStore: z.custom<SqsStoreClass>((value) => isClassWith(value, STORE_METHODS) && 'createMessage' in value),
  INVALID_MESSAGE_BODY_CHAR: z.custom<RegExp>((value) => value instanceof RegExp && !Object.isFrozen(value)),
  SnsStore: z.custom<new () => FauxqsStores['snsStore']>((value) => isClassWith(value, [])),
  S3Store: z.custom<new () => FauxqsStores['s3Store']>((value) => isClassWith(value, [])),
  PersistenceManager: z.custom<new (directory: string) => Persistence>((value) =>
    isClassWith(value, ['load', 'close', 'updateMessageReady']),
  ),
});

export type Internals = z.output<typeof internalsSchema>;

/** @throws Error when the installed fauxqs is built otherwise than this file expects */
export async function loadFauxqsInternals(): Promise<Internals> {
  const entry = import.meta.resolve('fauxqs');
  try {
    const modules: object[] = await Promise.all(FILES.map((file) => import(new URL(file, entry).href)));
    return internalsSchema.parse(Object.assign({}, ...modules));
  } catch (cause) {
    throw new Error('the installed fauxqs is not built like version 2.4.1, which the local stack expects', { cause });
  }
}

function isClassWith(value: unknown, methods: readonly string[]): value is object {
  if (typeof value !== 'function') return false;
  const prototype: unknown = value.prototype;
  return typeof prototype === 'object' && prototype !== null && methods.every((method) => method in prototype);
}
