import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { SEARCH_ATTRIBUTES } from '../../contracts/shared/names.ts';
import { startAws, type AwsServer } from '../../local/aws.ts';
import { freePort } from '../../local/ports.ts';
import { ensureNamespace } from '../../local/temporal-namespace.ts';
import { startTemporalServer } from '../../local/temporal-server.ts';
import { clientConfig, createTopology } from '../../local/topology.ts';
import { startWorkerProcess, type WorkerProcess } from '../../local/worker-process.ts';
import { makeCertificate, whyNoOpenssl } from '../support/certificate.ts';
import { eventually } from '../support/eventually.ts';
import { writeLeaseKey } from '../support/lease-key.ts';
import { startRedisServer, whyNoRedis, type RedisServer } from '../support/redis-server.ts';
import { skipWhereMissing } from '../support/skip-where-missing.ts';
import { someOf } from '../support/extent.ts';
import { sharedTemporal, temporalBinary, type SharedTemporal } from '../support/temporal.ts';
import { sharedWorkflowBundle } from '../support/workflow-bundle.ts';

const NOWHERE = 'http://127.0.0.1:1';
const STREAM = { url: NOWHERE, apiKey: 'key', apiSecret: 'secret', appId: '1' };
const JWT_SECRET = 'a secret of at least thirty-two bytes';
const NO_CREDENTIALS = {
  AWS_ACCESS_KEY_ID: '',
  AWS_SECRET_ACCESS_KEY: '',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_SHARED_CREDENTIALS_FILE: '/nowhere',
  AWS_CONFIG_FILE: '/nowhere',
};
const STACK_LINE = /^\s+at /m;

describe('a worker process that cannot start', function () {
  this.timeout(900_000);
  let temporal: SharedTemporal;
  let aws: AwsServer;
  let bare: AwsServer;
  let taken: Server;
  let directory: string;
  let secure: Http2SecureServer;
  let tlsPort: number;
  let redis: RedisServer;
  let leaseKey: string;
  let bundle: string;
  before(async function () {
    skipWhereMissing(this, whyNoRedis() ?? whyNoOpenssl());
    temporal = await sharedTemporal();
    [aws, bare] = await Promise.all([startAws(), startAws()]);
    await createTopology(awsEndpoint(aws));
    taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    directory = await mkdtemp(path.join(tmpdir(), 'start-failure-'));
    await writeFile(path.join(directory, 'broken'), '{"version": "newest"');
    leaseKey = await writeLeaseKey(directory);
    redis = await startRedisServer(['--requirepass', 'a-password']);
    const [certificate, key] = [path.join(directory, 'tls.crt'), path.join(directory, 'tls.key')];
    makeCertificate(certificate, key);
    secure = createSecureServer({ cert: await readFile(certificate), key: await readFile(key) });
    tlsPort = await freePort();
    secure.listen(tlsPort, '127.0.0.1');
    bundle = await sharedWorkflowBundle();
    await ensureNamespace(temporal.connection, { namespace: 'bare' });
    await ensureNamespace(temporal.connection, { namespace: 'sessions-only' });
    await addAttributes(temporal, 'sessions-only', { ActiveStreams: 3 });
    await ensureNamespace(temporal.connection, { namespace: 'mistyped' });
    await addAttributes(temporal, 'mistyped', { EventKind: 2, EventStatus: 5, EventActor: 2, EventFailure: 2 });
  });
  after(async () => {
    await Promise.all([aws?.stop(), bare?.stop()]);
    taken?.close();
    secure?.close();
    await redis?.kill();
    if (directory) await rm(directory, { recursive: true });
  });

  async function start(env: Record<string, string>, lines: string[]): Promise<WorkerProcess> {
    return await startWorkerProcess({
      temporalAddress: temporal.address,
      namespace: temporal.namespace,
      awsUrl: aws.url,
      stream: STREAM,
      onLine: (line) => lines.push(line),
      env: { WORKFLOW_BUNDLE: bundle, JWT_SECRET, JWT_UNCHECKED_CLAIMS: 'iss,aud', ...env },
    });
  }

  const port = (): string => {
    const address = taken.address();
    return typeof address === 'object' && address ? `127.0.0.1:${address.port}` : '';
  };
  const broken = (): string => path.join(directory, 'broken');

  const cases: [fault: string, env: () => Record<string, string>, sentence: RegExp, code?: number][] = [
    ['settings out of range', () => ({ SHUTDOWN_GRACE_MS: '1e12' }), /^SHUTDOWN_GRACE_MS=1e12 must be a whole/m, 2],
    [
      'no credentials of GetStream',
      () => ({ STREAM_API_SECRET: '' }),
      /^STREAM_API_SECRET must be set: .*dashboard$/m,
      2,
    ],
    [
      'a certificate that is none',
      () => ({ ROLES: 'gateway', GATEWAY_TLS_KEY_FILE: broken(), GATEWAY_TLS_CERT_FILE: broken() }),
      /^GATEWAY_TLS_KEY_FILE and GATEWAY_TLS_CERT_FILE must be PEM files of a certificate and its own key: /m,
      2,
    ],
    [
      'a certificate for Temporal that is none',
      () => ({ TEMPORAL_TLS_CLIENT_CERT_PATH: broken(), TEMPORAL_TLS_CLIENT_KEY_PATH: broken() }),
      /^TEMPORAL_TLS_\* must be PEM files/m,
      2,
    ],
    [
      'a key of leases that is none',
      () => ({ ROLES: 'gateway', LEASE_PRIVATE_KEY_FILE: broken() }),
      /^LEASE_PRIVATE_KEY_FILE must be a PEM file \(PKCS#8\) of an Ed25519 private key$/m,
      2,
    ],
    [
      'a policy that is not there',
      () => ({ ROLES: 'gateway', SESSIONS_POLICY_FILE: '/nowhere.json' }),
      /^SESSIONS_POLICY_FILE=\/nowhere.json must be a file that can be read: ENOENT/m,
      2,
    ],
    [
      'a policy that is none',
      () => ({ ROLES: 'gateway', SESSIONS_POLICY_FILE: broken() }),
      /^The worker process cannot start: .*broken is not JSON/m,
    ],
    [
      'a blacklist that is none',
      () => ({ ROLES: 'gateway', BLACKLIST_FILE: broken() }),
      /^The worker process cannot start: the blacklist .*broken is broken: /m,
    ],
    [
      'a namespace that is not there',
      () => ({ TEMPORAL_NAMESPACE: 'nowhere' }),
      /^The worker process cannot start: Temporal has no namespace nowhere; .*: temporal operator namespace create --namespace nowhere /m,
    ],
    [
      'search attributes of events that are missing',
      () => ({ TEMPORAL_NAMESPACE: 'sessions-only' }),
      /^The .* start: Namespace sessions-only lacks the search attributes EventKind, EventStatus, EventActor, EventFailure; create them: temporal operator search-attribute create --namespace sessions-only --name EventKind --type Keyword --name EventStatus --type Keyword --name EventActor --type Keyword --name EventFailure --type Keyword$/m,
    ],
    [
      'search attributes of sessions that are missing',
      () => ({ TEMPORAL_NAMESPACE: 'bare', ROLES: 'sessions' }),
      /^The .* start: Namespace bare lacks the search attributes ActiveStreams; create them: temporal operator search-attribute create --namespace bare --name ActiveStreams --type Int$/m,
    ],
    [
      'search attributes of another type',
      () => ({ TEMPORAL_NAMESPACE: 'mistyped', ROLES: 'events' }),
      /^The .* start: Namespace mistyped has search attributes of another type: EventStatus must be of type Keyword; /m,
    ],
    [
      'a queue that is missing',
      () => ({ ROLES: 'bridge', ACTIVITIES_QUEUE: 'nowhere' }),
      /^The .* start: SQS queue nowhere(-dlq)? does not exist; create it/m,
    ],
    [
      'a dead-letter queue that is missing',
      () => ({ AWS_ENDPOINT_URL: bare.url }),
      /^The .* start: SQS queue social-graph-activities-dlq does not exist; create it: the bridge puts/m,
    ],
    [
      'a queue of the access log that is missing',
      () => ({ ROLES: 'access-log', ACCESS_LOG_QUEUE: 'nowhere' }),
      /^The .* start: The writer of the access log cannot start.*: SQS queue nowhere(-dlq)? does not exist; create it/m,
    ],
    [
      'no credentials of AWS',
      () => ({ ROLES: 'bridge', ...NO_CREDENTIALS }),
      /^The .* start: SQS queue .* could not be looked up \(CredentialsProviderError.*check endpoint, region and credentials/m,
    ],
    [
      'a bucket of the access log that is missing',
      () => ({ ROLES: 'access-log', ACCESS_LOG_BUCKET: 'nowhere' }),
      /^The .* start: S3 does not answer for the bucket nowhere at .*create the bucket, or mend ACCESS_LOG_BUCKET/m,
    ],
    [
      'a Temporal with a certificate nobody vouches for',
      () => ({ TEMPORAL_ADDRESS: `localhost:${tlsPort}`, TEMPORAL_TLS: 'true' }),
      /^The .* start: Temporal does not answer at localhost:\d+; .*TEMPORAL_TLS_\*: .*certificate/im,
    ],
    [
      'a Redis that wants a password',
      () => ({ ROLES: 'gateway', GATEWAY_REDIS_URL: redis.url, LEASE_PRIVATE_KEY_FILE: leaseKey }),
      /^The .* start: Redis does not answer; start it, or mend GATEWAY_REDIS_URL: .*NOAUTH/m,
    ],
    [
      'a port of metrics in use',
      () => ({ METRICS_ADDRESS: port() }),
      /^The .* start: METRICS_ADDRESS=127.* cannot be listened on: .*in use/m,
    ],
    [
      'a port of health in use',
      () => ({ HEALTH_ADDRESS: port() }),
      /^The .* start: HEALTH_ADDRESS=127.* cannot be listened on: .*in use/m,
    ],
    [
      'a port of the gateway in use',
      () => ({ ROLES: 'gateway', GATEWAY_ADDRESS: port() }),
      /^The .* start: GATEWAY_ADDRESS=127.* cannot be listened on: .*in use/m,
    ],
    [
      'a bundle that is not there',
      () => ({ ROLES: 'events', WORKFLOW_BUNDLE: '/nowhere.js' }),
      /^The .* start: There is no workflow bundle at \/nowhere.js; make it with: npm run build$/m,
    ],
  ];
  // Each is a process of its own.
  for (const [fault, env, sentence, code = 1] of someOf(cases, 6)) {
    it(`says in one sentence what keeps it from it: ${fault}`, async () => {
      // Of the queue that is missing beside its dead-letter queue.
      const sqs = new SQSClient(clientConfig(awsEndpoint(bare)));
      await sqs.send(new CreateQueueCommand({ QueueName: 'social-graph-activities' }));
      sqs.destroy();
      const lines: string[] = [];
      const exit = await (await start(env(), lines)).exited;
      const output = lines.join('\n');
      assert.match(output, sentence);
      assert.equal(exit.code, code, output);
      assert.doesNotMatch(output, STACK_LINE);
    });
  }

  it('shows the stack to whoever debugs', async () => {
    const lines: string[] = [];
    const worker = await start({ LOG_LEVEL: 'debug', TEMPORAL_NAMESPACE: 'nowhere' }, lines);
    assert.equal((await worker.exited).code, 1);
    assert.match(lines.join('\n'), STACK_LINE);
  });

  it('wants no search attributes of roles it does not have', async () => {
    const lines: string[] = [];
    const worker = await start({ TEMPORAL_NAMESPACE: 'sessions-only', ROLES: 'sessions,access-log' }, lines);
    try {
      await worker.ready();
      assert.equal((await worker.stop()).code, 0);
    } finally {
      worker.kill('SIGKILL');
    }
  });
});

describe('a worker process that starts before Temporal', function () {
  this.timeout(900_000);

  async function start(port: number, lines: string[]): Promise<WorkerProcess> {
    return await startWorkerProcess({
      temporalAddress: `127.0.0.1:${port}`,
      awsUrl: NOWHERE,
      stream: STREAM,
      roles: 'sessions',
      onLine: (line) => lines.push(line),
    });
  }

  it('waits for it', async () => {
    const port = await freePort();
    const lines: string[] = [];
    const worker = await start(port, lines);
    await eventually(() => assert.match(lines.join('\n'), /waiting: Temporal does not answer at 127.0.0.1:/), {
      timeoutMs: 30_000,
    });
    const temporal = await startTemporalServer({ binary: await temporalBinary(), port, uiPort: 'none' });
    try {
      await worker.ready();
      assert.equal((await worker.stop()).code, 0);
    } finally {
      worker.kill('SIGKILL');
      await temporal.stop();
    }
  });

  it('leaves off when it is told to stop, and says where it looked', async () => {
    const port = await freePort();
    const lines: string[] = [];
    const worker = await start(port, lines);
    await eventually(() => assert.match(lines.join('\n'), /waiting: /), { timeoutMs: 30_000 });
    assert.equal((await worker.stop()).code, 1);
    const output = lines.join('\n');
    const sentence = `^The worker process cannot start: Temporal does not answer at 127.0.0.1:${port}; start it, or mend TEMPORAL_ADDRESS.*: Connection refused$`;
    assert.match(output, new RegExp(sentence, 'm'));
    assert.doesNotMatch(output, STACK_LINE);
  });
});

function awsEndpoint({ url }: AwsServer) {
  return { url, region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
}

/** @param attributes numbers of `temporal.api.enums.v1.IndexedValueType` */
async function addAttributes(
  { connection }: SharedTemporal,
  namespace: string,
  searchAttributes: Partial<Record<keyof typeof SEARCH_ATTRIBUTES, number>>,
): Promise<void> {
  await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
  await eventually(async () => {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    assert.deepEqual(Object.keys(customAttributes).length, Object.keys(searchAttributes).length);
  });
}
