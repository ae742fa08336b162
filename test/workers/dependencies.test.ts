import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { pino } from 'pino';
import { loadWorkerConfig } from '../../workers/config.ts';
import { Dependencies, type DependencyName } from '../../workers/dependencies.ts';
import { eventually } from '../support/eventually.ts';

/** Readiness has to tell within this. */
const KNOWN_MS = 15_000;

const KEYS = { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' };

/** How a service is that is there, and may be busy. */
const ANSWERS: readonly [how: string, answer: (response: ServerResponse) => unknown, isAvailable: boolean][] = [
  ['answers', (response) => response.writeHead(200).end('{"QueueUrl":"http://127.0.0.1/q"}'), true],
  ['hangs', () => undefined, false],
  ['fails', (response) => response.writeHead(503).end(), false],
  ['cuts the connection', (response) => response.destroy(), false],
];

interface Service {
  readonly url: string;
  answer: (response: ServerResponse) => unknown;
}

describe('what a process depends on', function () {
  this.timeout(120_000);
  const closing: (() => unknown)[] = [];
  const environment: Record<string, string | undefined> = {};
  before(() => {
    for (const [name, value] of Object.entries(KEYS)) {
      environment[name] = process.env[name];
      process.env[name] = value;
    }
  });
  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close();
  });
  after(() => {
    for (const [name, value] of Object.entries(environment)) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
  });

  async function startService(): Promise<Service> {
    const server = createServer((request, response) => {
      request.resume();
      service.answer(response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(() => {
      server.closeAllConnections();
      server.close();
    });
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
    const service: Service = { url, answer: (response) => response.writeHead(200).end() };
    return service;
  }

  function watch(roles: string, { url }: Pick<Service, 'url'>): Dependencies {
    const config = loadWorkerConfig({
      ROLES: roles,
      TEMPORAL_ADDRESS: '127.0.0.1:9',
      AWS_ENDPOINT_URL: url,
      STREAM_API_URL: url,
      STREAM_API_KEY: 'key',
      STREAM_API_SECRET: 'a secret',
    });
    const dependencies = new Dependencies(config, pino({ level: 'silent' }));
    closing.push(() => dependencies.close());
    return dependencies;
  }

  const cases: readonly [name: DependencyName, roles: string][] = [
    ['sqs', 'bridge'],
    ['s3', 'access-log'],
    ['getstream', 'events'],
  ];
  it('is known within 15 s to be away, whichever way it fails, and to be back', async () => {
    await Promise.all(
      cases.map(async ([name, roles]) => {
        const service = await startService();
        const dependency = watch(roles, service).get(name);
        for (const [how, answer, isAvailable] of [...ANSWERS, ...ANSWERS.slice(0, 1)]) {
          service.answer = answer;
          await eventually(() => assert.equal(dependency.available, isAvailable, `${name} ${how}`), {
            timeoutMs: KNOWN_MS,
          });
        }
      }),
    );
  });

  it('is there when it limits or refuses', async () => {
    const refusals: readonly [name: DependencyName, roles: string, status: number][] = [
      ['getstream', 'events', 429],
      ['getstream', 'events', 401],
      ['getstream', 'events', 404],
      ['s3', 'access-log', 403],
    ];
    for (const [name, roles, status] of refusals) {
      const service = await startService();
      service.answer = (response) => response.writeHead(status).end();
      await watch(roles, service).get(name).usable(AbortSignal.timeout(KNOWN_MS));
    }
  });

  it('is only what the roles of the process need', async () => {
    const service = await startService();
    const namesOf = (roles: string): readonly string[] =>
      watch(roles, service)
        .all()
        .map(({ name }) => name);
    assert.deepEqual(namesOf('sessions'), ['temporal']);
    assert.deepEqual(namesOf('access-log'), ['sqs', 's3']);
    assert.deepEqual(namesOf('bridge,events'), ['temporal', 'sqs', 'getstream']);
  });
});
