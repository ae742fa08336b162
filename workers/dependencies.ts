import { HeadBucketCommand } from '@aws-sdk/client-s3';
import { GetQueueUrlCommand } from '@aws-sdk/client-sqs';
import { Connection } from '@temporalio/client';
import type { Logger } from 'pino';
import { ACCESS_LOG_QUEUE } from '../contracts/sessions/access-record.ts';
import { Dependency, type DependencyOptions } from '../contracts/shared/dependency.ts';
import { createS3Client, createSqsClient } from './aws-clients.ts';
import type { WorkerConfig } from './config.ts';
import type { Role } from './environment.ts';
import { awsMayPass, temporalMayPass } from './passing-failures.ts';

/** What a process may depend on; the gateway has more of its own. */
export type DependencyName = 'temporal' | 'sqs' | 's3' | 'getstream';

/** What each role needs to start, and but for the gateway also to do its work. */
export const NEEDS: Readonly<Record<Role, readonly DependencyName[]>> = {
  bridge: ['temporal', 'sqs'],
  events: ['temporal', 'getstream'],
  sessions: ['temporal'],
  gateway: ['temporal'],
  'access-log': ['sqs', 's3'],
};

const TEMPORAL_DEADLINE_MS = 4_000;
/** Of GetStream's API, which answers it with 404 or 401 without counting it against a quota. */
const STREAM_PATH = 'api/v1.0/';

type Probe = Pick<DependencyOptions, 'advice' | 'probe' | 'mayPass'> & { close(): Promise<void> | void };

/** Begins to watch whatever the roles of this process need. */
export class Dependencies {
  readonly #watched = new Map<DependencyName, Dependency>();
  readonly #probes: Probe[] = [];

  constructor(config: WorkerConfig, logger: Logger) {
    const names = new Set([...config.roles].flatMap((role) => NEEDS[role]));
    for (const name of names) {
      const probe = PROBES[name](config);
      this.#probes.push(probe);
      this.#watched.set(name, new Dependency({ name, logger, ...probe }));
    }
  }

  /** @throws Error for one that no role of this process needs */
  get(name: DependencyName): Dependency {
    const dependency = this.#watched.get(name);
    if (!dependency) throw new Error(`no role of this process needs ${name}`);
    return dependency;
  }

  all(): readonly Dependency[] {
    return [...this.#watched.values()];
  }

  of(role: Role): readonly Dependency[] {
    return NEEDS[role].map((name) => this.get(name));
  }

  async close(): Promise<void> {
    await Promise.all(this.all().map((dependency) => dependency.close()));
    for (const probe of this.#probes) await probe.close();
  }
}

const PROBES: Readonly<Record<DependencyName, (config: WorkerConfig) => Probe>> = {
  temporal: temporalProbe,
  sqs: sqsProbe,
  s3: s3Probe,
  getstream: streamProbe,
};

/** The namespace is read from Temporal's database, so this tells more than that its front end is there. */
function temporalProbe({ temporal: { connectionOptions, namespace } }: WorkerConfig): Probe {
  // Without retries: each failure is to be known at once, with its own reason.
  const connection = Connection.lazy({ ...connectionOptions, interceptors: [] });
  const { address = 'localhost:7233' } = connectionOptions;
  return {
    advice: `Temporal does not answer at ${address}; start it, or mend TEMPORAL_ADDRESS and TEMPORAL_TLS_*`,
    mayPass: temporalMayPass,
    probe: () =>
      connection.withDeadline(Date.now() + TEMPORAL_DEADLINE_MS, () =>
        connection.workflowService.describeNamespace({ namespace }),
      ),
    close: () => connection.close(),
  };
}

function sqsProbe(config: WorkerConfig): Probe {
  const { environment, roles } = config;
  const { AWS_ENDPOINT_URL_SQS, AWS_ENDPOINT_URL, AWS_REGION } = environment;
  const QueueName = roles.has('bridge')
    ? environment.ACTIVITIES_QUEUE
    : (environment.ACCESS_LOG_QUEUE ?? ACCESS_LOG_QUEUE);
  const sqs = createSqsClient(config);
  const where = AWS_ENDPOINT_URL_SQS ?? AWS_ENDPOINT_URL ?? `the region ${AWS_REGION}`;
  return {
    advice: `SQS does not answer at ${where}; start it, or mend AWS_ENDPOINT_URL and AWS_REGION`,
    mayPass: awsMayPass,
    probe: (abortSignal) => sqs.send(new GetQueueUrlCommand({ QueueName }), { abortSignal }),
    close: () => sqs.destroy(),
  };
}

function s3Probe(config: WorkerConfig): Probe {
  const { AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS_REGION, ACCESS_LOG_BUCKET: Bucket } = config.environment;
  const s3 = createS3Client(config);
  const where = AWS_ENDPOINT_URL_S3 ?? AWS_ENDPOINT_URL ?? `the region ${AWS_REGION}`;
  return {
    advice: `S3 does not answer for the bucket ${Bucket} at ${where}; start it, create the bucket, or mend ACCESS_LOG_BUCKET and AWS_*`,
    mayPass: awsMayPass,
    async probe(abortSignal) {
      try {
        await s3.send(new HeadBucketCommand({ Bucket }), { abortSignal });
      } catch (error) {
        // Who may only write is not told more, and needs no more.
        if (!isForbidden(error)) throw error;
      }
    },
    close: () => s3.destroy(),
  };
}

function isForbidden(error: unknown): boolean {
  const metadata: unknown = error instanceof Error ? Reflect.get(error, '$metadata') : undefined;
  return typeof metadata === 'object' && metadata !== null && Reflect.get(metadata, 'httpStatusCode') === 403;
}

/** Any answer but a failure of the server tells that it is there; a rate limit does, too. */
function streamProbe({ environment: { STREAM_API_URL } }: WorkerConfig): Probe {
  return {
    advice: `GetStream does not answer at ${STREAM_API_URL}; check the network and STREAM_API_URL`,
    async probe(signal) {
      const response = await fetch(`${STREAM_API_URL.replace(/\/+$/, '')}/${STREAM_PATH}`, {
        signal,
        redirect: 'manual',
      });
      await response.body?.cancel();
      if (response.status >= 500) throw new Error(`the answer has the status ${response.status}`);
    },
    close: () => undefined,
  };
}
