import { buildApp } from 'fauxqs';
import { ACCESS_LOG_QUEUE } from '../contracts/sessions/access-record.ts';
import { makeDirectory } from '../contracts/shared/make-directory.ts';
import { Disorder, type DisorderCounts, type DisorderOptions } from './disorder.ts';
import { loadFauxqsInternals, type Persistence, type SqsQueue, type SqsStore } from './fauxqs-internals.ts';
import { claimPort } from './ports.ts';
import { extendSqs, takeAllCharacters, trackOrigins } from './sqs-extensions.ts';

const DEAD_LETTER_SUFFIX = '-dlq';

export interface AwsOptions {
  /** Default 0: a free one. */
  readonly port?: number;
  /** Address to listen on; default 127.0.0.1. */
  readonly host?: string;
  /** Folder that keeps queues, topics and messages; in memory when left out. */
  readonly dataDirectory?: string;
  /** Standard queues of events deliver late and twice now and then, as real ones do; default false. */
  readonly disorder?: DisorderOptions | false;
}

export interface QueueDepth {
  readonly name: string;
  readonly ready: number;
  readonly inFlight: number;
  readonly delayed: number;
}

export interface AwsServer {
  /** Endpoint of SQS, SNS and S3 alike. */
  readonly url: string;
  readonly port: number;
  /** Of all queues, by name. Looks without touching. */
  depths(): QueueDepth[];
  /** What the disorder has done since the start. */
  disorderCounts(): DisorderCounts;
  stop(): Promise<void>;
}

/**
 * Starts SQS, SNS and S3 (fauxqs) in this process.
 * @throws PortInUseError
 */
export async function startAws(options: AwsOptions = {}): Promise<AwsServer> {
  const { host = '127.0.0.1' } = options;
  const port = await claimPort(options.port, 'AWS_PORT');
  const internals = await loadFauxqsInternals();
  const { SqsStore, SnsStore, S3Store, PersistenceManager } = internals;
  takeAllCharacters(internals);
  const stores = { sqsStore: new SqsStore(), snsStore: new SnsStore(), s3Store: new S3Store() };
  const disorder = options.disorder ? new Disorder(options.disorder) : undefined;
  adaptQueues(stores.sqsStore, port, disorder);

  if (options.dataDirectory !== undefined) {
    makeDirectory(options.dataDirectory);
    const persistence = mend(new PersistenceManager(options.dataDirectory));
    // Loaded before it is attached: what is read must not be written again.
    persistence.load(stores.sqsStore, stores.snsStore, stores.s3Store);
    stores.sqsStore.persistence = persistence;
    stores.snsStore.persistence = persistence;
    stores.s3Store.persistence = persistence;
    for (const queue of stores.sqsStore.allQueues()) queue.persistence = persistence;
  }

  const app = buildApp({ logger: false, stores });
  extendSqs(app, stores.sqsStore, internals);
  app.addHook('onClose', () => stores.sqsStore.persistence?.close());
  await app.listen({ port, host });
  return {
    url: `http://${host}:${port}`,
    port,
    depths: () => depthsOf(stores.sqsStore),
    disorderCounts: () => disorder?.counts ?? { duplicated: 0, reordered: 0 },
    stop: async () => {
      await app.close();
    },
  };
}

/** Makes queue URLs reachable, standard queues disorderly, and redrive possible. */
function adaptQueues(store: SqsStore, port: number, disorder: Disorder | undefined): void {
  // Without a host a queue's URL bears the address its creator used, instead of a name that not every system resolves.
  store.host = '';
  const createQueue = store.createQueue.bind(store);
  store.createQueue = (name, url, ...rest) => {
    // A stored queue keeps the URL of the port it was created on, which may have changed since.
    const current = new URL(url);
    current.port = String(port);
    const queue = createQueue(name, current.href, ...rest);
    trackOrigins(queue);
    if (disorder !== undefined) disturb(queue, disorder);
    return queue;
  };
}

/**
 * Only standard queues, and no dead-letter queue: what stands there is counted and read by people. The queue of the access log
 * is left out as well, because the disorder is counted to balance the counts of events.
 */
function disturb(queue: SqsQueue, disorder: Disorder): void {
  if (queue.isFifo() || queue.name.endsWith(DEAD_LETTER_SUFFIX) || queue.name === ACCESS_LOG_QUEUE) return;
  const enqueue = queue.enqueue.bind(queue);
  queue.enqueue = (message) => {
    const now = Date.now();
    for (const delayMs of disorder.next()) {
      // A copy for each delivery, with the same id: the queue counts receives on the message itself.
      enqueue(delayMs === 0 ? { ...message } : { ...message, delayUntil: now + delayMs });
    }
  };
}

/**
 * fauxqs 2.4.1 writes NULL into a column that forbids it when a message is given back (visibility time-out 0), after it
 * has taken the message out of its list: the caller gets 500 and the message is gone until the next start. Not writing is
 * harmless: after a restart the message is visible when its old time-out runs out.
 */
function mend(persistence: Persistence): Persistence {
  persistence.updateMessageReady = () => undefined;
  return persistence;
}

function depthsOf(store: SqsStore): QueueDepth[] {
  return [...store.allQueues()]
    .map((queue) => ({
      name: queue.name,
      ready: Number(queue.getAttribute('ApproximateNumberOfMessages')),
      inFlight: Number(queue.getAttribute('ApproximateNumberOfMessagesNotVisible')),
      delayed: Number(queue.getAttribute('ApproximateNumberOfMessagesDelayed')),
    }))
    .toSorted((left, right) => left.name.localeCompare(right.name));
}
