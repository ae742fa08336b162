import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadCliConfig } from '../../cli/config.ts';
import { ACCESS_LOG_QUEUE } from '../../contracts/sessions/access-record.ts';
import { UsageError } from '../../cli/usage-error.ts';

describe('the configuration of the CLI', () => {
  let directory: string;
  let local: Readonly<Record<string, string>>;

  before(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'cli-config-'));
    local = { LOCAL_DIRECTORY: directory };
    const endpoints = { temporal: '127.0.0.1:7999', namespace: 'here', aws: 'http://127.0.0.1:4999', webUi: 'x' };
    await writeFile(path.join(directory, 'endpoints.json'), JSON.stringify(endpoints));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it('is that of the local stack where no installation is named', () => {
    const config = loadCliConfig(local);
    assert.equal(config.temporal.connectionOptions.address, '127.0.0.1:7999');
    assert.equal(config.temporal.namespace, 'here');
    assert.equal(config.sqs.endpoint, 'http://127.0.0.1:4999');
    assert.ok(config.localStack?.endsWith('endpoints.json'));
    assert.ok(config.queues.some(({ queue }) => queue === ACCESS_LOG_QUEUE));
  });

  it('knows the queue of the access log of an installation that has one', () => {
    const queues = loadCliConfig({ TEMPORAL_ADDRESS: 'localhost:1', ACCESS_LOG_QUEUE: 'logs' }).queues;
    assert.equal(queues.at(-1)?.queue, 'logs');
    assert.equal(queues.length, 5);
  });

  it('takes the key of Temporal from a file, as the worker does', async () => {
    const file = path.join(directory, 'api-key');
    await writeFile(file, 'an-api-key\n');
    const named = { TEMPORAL_ADDRESS: 'localhost:1', TEMPORAL_API_KEY_FILE: file };
    assert.equal(loadCliConfig(named).temporal.connectionOptions.apiKey, 'an-api-key');
    const refused = { name: 'UsageError', message: /^TEMPORAL_API_KEY_FILE \(\/nowhere\) must be a file/ };
    assert.throws(() => loadCliConfig({ ...named, TEMPORAL_API_KEY_FILE: '/nowhere' }), refused);
  });

  it('takes the credentials of AWS from files, as the worker does', async () => {
    const [id, secret] = [path.join(directory, 'aws-id'), path.join(directory, 'aws-secret')];
    await writeFile(id, 'an-id\n');
    await writeFile(secret, 'a-secret\n');
    const named = { TEMPORAL_ADDRESS: 'localhost:1', AWS_ACCESS_KEY_ID_FILE: id };
    const { sqs } = loadCliConfig({ ...named, AWS_SECRET_ACCESS_KEY_FILE: secret });
    assert.deepEqual(sqs.credentials, { accessKeyId: 'an-id', secretAccessKey: 'a-secret' });
    assert.equal(loadCliConfig({ TEMPORAL_ADDRESS: 'localhost:1' }).sqs.credentials, undefined);
    const refused = { name: 'UsageError', message: /^AWS_SECRET_ACCESS_KEY or AWS_SECRET_ACCESS_KEY_FILE must be set/ };
    assert.throws(() => loadCliConfig(named), refused);
  });

  it('takes nothing from the local stack as soon as any part of an installation is named', () => {
    for (const named of [{ TEMPORAL_ADDRESS: 'localhost:1' }, { AWS_ENDPOINT_URL: 'http://localhost:2' }]) {
      const config = loadCliConfig({ ...local, ...named });
      assert.equal(config.localStack, undefined);
      assert.notEqual(config.temporal.connectionOptions.address, '127.0.0.1:7999');
      assert.notEqual(config.sqs.endpoint, 'http://127.0.0.1:4999');
      assert.equal(config.sqs.credentials, undefined);
    }
  });

  it('reads the variables the worker reads; an empty one counts as not set', () => {
    const config = loadCliConfig({
      TEMPORAL_ADDRESS: 'temporal.internal:7233',
      TEMPORAL_NAMESPACE: 'social',
      AWS_ENDPOINT_URL: '',
      AWS_REGION: 'eu-west-1',
      FOLLOWS_QUEUE: 'my-follows.fifo',
      PLAINTEXT_HOSTS: 'other, temporal.internal',
    });
    assert.equal(config.temporal.connectionOptions.address, 'temporal.internal:7233');
    assert.equal(config.temporal.namespace, 'social');
    assert.deepEqual(config.sqs, { region: 'eu-west-1' });
    assert.deepEqual(
      config.queues.map(({ queue }) => queue),
      ['social-graph-activities', 'social-graph-mentions', 'social-graph-reactions', 'my-follows.fifo'],
    );
  });

  it('sends nothing in clear text to other machines unless they are listed', () => {
    assert.throws(
      () => loadCliConfig({ TEMPORAL_ADDRESS: 'temporal.internal:7233' }),
      /unencrypted to temporal\.internal/,
    );
    assert.throws(() => loadCliConfig({ AWS_ENDPOINT_URL: 'http://10.0.0.1:4566' }), UsageError);
    assert.doesNotThrow(() => loadCliConfig({ AWS_ENDPOINT_URL: 'http://[::1]:4566' }));
    assert.doesNotThrow(() => loadCliConfig({ TEMPORAL_ADDRESS: 'temporal.internal:7233', TEMPORAL_API_KEY: 'k' }));
  });

  it('names a variable it cannot use', () => {
    assert.throws(
      () => loadCliConfig({ AWS_ENDPOINT_URL: 'localhost' }),
      /AWS_ENDPOINT_URL: must be an http or https URL/,
    );
  });

  it('refuses a queue that is named twice, or not by its name', () => {
    const aws = { AWS_ENDPOINT_URL: 'http://localhost:2' };
    const twice = { ...aws, FOLLOWS_QUEUE: 'social-graph-mentions' };
    assert.throws(() => loadCliConfig(twice), { name: 'UsageError', message: /name social-graph-mentions: each kind/ });
    const url = { ...aws, FOLLOWS_QUEUE: 'https://sqs.example/1/follows' };
    assert.throws(() => loadCliConfig(url), {
      name: 'UsageError',
      message: /FOLLOWS_QUEUE: must be the name of a queue/,
    });
  });

  it('says what of the connection to Temporal cannot be read', () => {
    const variables = { TEMPORAL_ADDRESS: 'localhost:1', TEMPORAL_TLS_CLIENT_CERT_PATH: '/nowhere.pem' };
    assert.throws(() => loadCliConfig(variables), { name: 'UsageError', message: /^TEMPORAL_\* .*nowhere.pem/ });
  });

  it('refuses a file that is not that of a local stack', async () => {
    const other = await mkdtemp(path.join(tmpdir(), 'cli-config-'));
    await writeFile(path.join(other, 'endpoints.json'), '{"half":');
    assert.throws(() => loadCliConfig({ LOCAL_DIRECTORY: other }), /not the file of a local stack/);
    await rm(other, { recursive: true });
    assert.equal(loadCliConfig({ LOCAL_DIRECTORY: other }).localStack, undefined);
  });
});
