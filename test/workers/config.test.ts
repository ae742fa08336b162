import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { parseEnv } from 'node:util';
import { DEFAULT_EVENT_POLICY } from '../../contracts/event-policy.ts';
import { loadWorkerConfig } from '../../workers/config.ts';

const HERE = import.meta.filename;
const GATEWAY = { ROLES: 'gateway', JWT_SECRET: 'a secret of at least thirty-two bytes' };
const REQUIRED = { STREAM_API_KEY: 'key', STREAM_API_SECRET: 'secret' };

/** Settings of the gateway without a default. */
const OPTIONAL = [
  'GATEWAY_TLS_KEY_FILE',
  'GATEWAY_TLS_CERT_FILE',
  'GATEWAY_REDIS_URL',
  'SESSIONS_POLICY_FILE',
  'JWT_SECRET',
  'JWT_JWKS_URL',
  'LEASE_PRIVATE_KEY_FILE',
  'BLACKLIST_FILE',
  'ACCESS_LOG_QUEUE',
  'ACCESS_LOG_SPOOL_DIRECTORY',
  'ACCESS_LOG_VISIBILITY_TIMEOUT_SECONDS',
];

describe('the configuration of a worker process', () => {
  it('needs nothing but the credentials of GetStream', () => {
    const config = loadWorkerConfig(REQUIRED);
    assert.deepEqual([...config.roles], ['bridge', 'events']);
    assert.equal(config.temporal.namespace, 'default');
    assert.deepEqual(config.policy, {});
  });

  it('takes an empty variable for one that is not set', () => {
    assert.equal(loadWorkerConfig({ ...REQUIRED, BRIDGE_MAX_IN_HAND: '' }).environment.BRIDGE_MAX_IN_HAND, 50);
  });

  const refusals: [name: string, variables: Record<string, string>, fault: RegExp][] = [
    ['roles nobody knows', { ROLES: 'bridge,director' }, /ROLES: Invalid option/],
    ['numbers that are none', { BRIDGE_MAX_IN_HAND: 'many' }, /BRIDGE_MAX_IN_HAND: /],
    ['a long poll SQS does not offer', { BRIDGE_LONG_POLL_SECONDS: '21' }, /BRIDGE_LONG_POLL_SECONDS: /],
    ['a cache that starves new workflows', { WORKER_MAX_CACHED_WORKFLOWS: '5' }, /WORKER_MAX_CACHED_WORKFLOWS: /],
    ['SQS in clear text', { AWS_ENDPOINT_URL: 'http://sqs.example' }, /AWS_ENDPOINT_URL .* PLAINTEXT_HOSTS/],
    ['SQS in clear text by its own variable', { AWS_ENDPOINT_URL_SQS: 'http://sqs.example' }, /AWS_ENDPOINT_URL_SQS /],
    ['GetStream in clear text', { STREAM_API_URL: 'http://stream.example' }, /STREAM_API_URL /],
    ['Temporal in clear text', { TEMPORAL_ADDRESS: 'temporal.example:7233' }, /TEMPORAL_ADDRESS /],
    ['attempts shorter than their calls', { EVENT_ATTEMPT_TIMEOUT_MS: '9000' }, /must be above STREAM_TIMEOUT_MS/],
    ['Redis in clear text', { GATEWAY_REDIS_URL: 'redis://redis.example' }, /GATEWAY_REDIS_URL .* use rediss:/],
    ['keys in clear text', { JWT_JWKS_URL: 'http://id.example/keys' }, /JWT_JWKS_URL /],
    ['a gateway that would answer nobody', { ROLES: 'gateway' }, /JWT_SECRET or JWT_JWKS_URL must be set/],
    ['several gateways without Redis', { ...GATEWAY, GATEWAY_REPLICAS: '2' }, /GATEWAY_REDIS_URL must be set/],
    [
      'gateways that share a store but no key of leases',
      { ...GATEWAY, GATEWAY_REDIS_URL: 'rediss://redis.example' },
      /LEASE_PRIVATE_KEY_FILE must be set/,
    ],
    ['a certificate without its key', { ...GATEWAY, GATEWAY_TLS_CERT_FILE: HERE }, /GATEWAY_TLS_KEY_FILE and/],
    ['files that are not there', { GATEWAY_TLS_KEY_FILE: '/nowhere.pem' }, /GATEWAY_TLS_KEY_FILE: ENOENT/],
    ['networks that are none', { GATEWAY_TRUSTED_PROXIES: '10.0.0.0/8,10.0.0.0/99' }, /GATEWAY_TRUSTED_PROXIES: /],
    ['half a deployment', { WORKER_BUILD_ID: '7' }, /go together/],
  ];
  for (const [name, variables, fault] of refusals) {
    it(`refuses ${name}, by name`, () => {
      assert.throws(() => loadWorkerConfig({ ...REQUIRED, ...variables }), { message: fault });
    });
  }

  it('names every variable at fault at once', () => {
    const message = /LOG_LEVEL[^]*METRICS_ADDRESS/;
    assert.throws(() => loadWorkerConfig({ ...REQUIRED, LOG_LEVEL: 'loud', METRICS_ADDRESS: 'here' }), { message });
  });

  it('names the credentials that are missing, and only the role that writes needs them', () => {
    assert.throws(() => loadWorkerConfig({ STREAM_API_KEY: 'key' }), { message: /^STREAM_API_SECRET must be set/ });
    assert.equal(loadWorkerConfig({ ROLES: 'bridge' }).roles.has('events'), false);
  });

  it('accepts clear text to this machine and to hosts that are listed', () => {
    loadWorkerConfig({
      ...REQUIRED,
      AWS_ENDPOINT_URL: 'http://127.0.0.1:4566',
      STREAM_API_URL: 'http://stream:8800',
      TEMPORAL_ADDRESS: 'temporal:7233',
      PLAINTEXT_HOSTS: 'stream, temporal',
    });
  });

  it('hands overrides of the policy to the workflows', () => {
    const { policy } = loadWorkerConfig({ ...REQUIRED, EVENT_AUTO_RETRY_DELAYS_MS: '1000, 60000' });
    assert.deepEqual(policy, { autoRetryDelaysMs: [1_000, 60_000] });
  });

  it('has its defaults written down in .env.example', async () => {
    const example = parseEnv(await readFile(new URL('../../.env.example', import.meta.url), 'utf8'));
    const set = Object.entries(example).filter(([, value]) => value !== '' && value !== undefined);
    const config = loadWorkerConfig({ ...Object.fromEntries(set), ...REQUIRED });
    for (const [name, value] of Object.entries(config.policy)) {
      assert.deepEqual(value, Reflect.get(DEFAULT_EVENT_POLICY, name), name);
    }
    const defaults: Record<string, unknown> = loadWorkerConfig(REQUIRED).environment;
    for (const [name, value] of Object.entries(config.environment)) {
      if (!/^(EVENT_|GATEWAY_TRUSTED_PROXIES)/.test(name)) assert.deepEqual(value, defaults[name], name);
    }
    const unknown = Object.keys(example).filter((name) => !/^(TEMPORAL_|EVENT_)/.test(name) && !(name in defaults));
    assert.deepEqual(
      unknown.filter(
        (name) =>
          ![
            ...OPTIONAL,
            'WORKFLOW_BUNDLE',
            'AWS_ENDPOINT_URL',
            'STREAM_APP_ID',
            'WORKER_DEPLOYMENT_NAME',
            'WORKER_BUILD_ID',
          ].includes(name),
      ),
      [],
    );
  });
});
