import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { parseEnv } from 'node:util';
import fc from 'fast-check';
import { z } from 'zod';
import { DEFAULT_EVENT_POLICY } from '../../contracts/events/event-policy.ts';
import { loadWorkerConfig, SettingsError } from '../../workers/config.ts';
import { workerSettings } from '../../workers/environment.ts';
import { POLICY_VARIABLES } from '../../workers/settings-coherence.ts';

const HERE = import.meta.filename;
const ROLES = { all: 'bridge,events,sessions,gateway,access-log', gateway: 'gateway' };
const GATEWAY = {
  ROLES: ROLES.gateway,
  JWT_SECRET: 'a secret of at least thirty-two bytes',
  JWT_ISSUER: 'https://id.example',
  JWT_AUDIENCE: 'stream-sessions',
};
const REQUIRED = { STREAM_API_KEY: 'key', STREAM_API_SECRET: 'secret' };

/** The longest pause of setTimeout; a longer one ends at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

interface NumberSetting {
  readonly name: string;
  readonly field: z.ZodType;
  readonly minimum: number;
  readonly maximum: number;
}

const NUMBERS: readonly NumberSetting[] = Object.entries<z.ZodType>(workerSettings).flatMap(([name, outer]) => {
  const field = outer instanceof z.ZodDefault || outer instanceof z.ZodOptional ? outer.unwrap() : outer;
  const { minimum, maximum } = (field instanceof z.ZodType && field.meta()) || {};
  return typeof minimum === 'number' && typeof maximum === 'number' ? [{ name, field: outer, minimum, maximum }] : [];
});

describe('the configuration of a worker process', () => {
  it('needs nothing but the credentials of GetStream', () => {
    const config = loadWorkerConfig(REQUIRED);
    assert.deepEqual([...config.roles], ['bridge', 'events']);
    assert.equal(config.temporal.namespace, 'default');
    assert.deepEqual(config.policy, {});
  });

  it('fits together as it is by default, whatever the roles', () => {
    loadWorkerConfig({ ...GATEWAY, ...REQUIRED, ROLES: ROLES.all });
  });

  it('takes a gateway that says which claims of tokens it does not check', () => {
    const waived = { JWT_ISSUER: '', JWT_AUDIENCE: '', JWT_UNCHECKED_CLAIMS: 'iss,aud' };
    assert.equal(loadWorkerConfig({ ...GATEWAY, ...waived }).environment.JWT_MAX_LIFETIME_SECONDS, 7_200);
  });

  it('takes an empty variable for one that is not set', () => {
    assert.equal(loadWorkerConfig({ ...REQUIRED, BRIDGE_MAX_IN_HAND: '' }).environment.BRIDGE_MAX_IN_HAND, 50);
  });

  const refusals: [name: string, variables: Record<string, string>, fault: RegExp][] = [
    ['roles nobody knows', { ROLES: 'bridge,director' }, /^ROLES=bridge,director must name one or more of bridge, /],
    ['no role at all', { ROLES: ' , ' }, /^ROLES= ,  must name one or more of /],
    ['SQS in clear text', { AWS_ENDPOINT_URL: 'http://sqs.example' }, /AWS_ENDPOINT_URL .* PLAINTEXT_HOSTS/],
    ['SQS in clear text by its own variable', { AWS_ENDPOINT_URL_SQS: 'http://sqs.example' }, /AWS_ENDPOINT_URL_SQS /],
    ['an endpoint that is none', { AWS_ENDPOINT_URL: 'sqs' }, /^AWS_ENDPOINT_URL must be a URL, like https:/],
    ['GetStream in clear text', { STREAM_API_URL: 'http://stream.example' }, /STREAM_API_URL /],
    ['Temporal in clear text', { TEMPORAL_ADDRESS: 'temporal.example:7233' }, /TEMPORAL_ADDRESS /],
    ['keys of Temporal that are not there', { TEMPORAL_TLS_CLIENT_CERT_PATH: '/nowhere.pem' }, /^TEMPORAL_.*nowhere/],
    ['Redis in clear text', { GATEWAY_REDIS_URL: 'redis://redis.example' }, /GATEWAY_REDIS_URL .* use rediss:/],
    [
      'any Sentinel in clear text',
      { GATEWAY_REDIS_URL: 'redis+sentinel://localhost,two.example/primary' },
      /GATEWAY_REDIS_URL .* two\.example.* use rediss:/,
    ],
    ['Redis without a form', { GATEWAY_REDIS_URL: 'redis+cluster://one/7' }, /GATEWAY_REDIS_URL must name no database/],
    ['keys in clear text', { JWT_JWKS_URL: 'http://id.example/keys' }, /JWT_JWKS_URL /],
    ['a gateway that would answer nobody', { ROLES: 'gateway' }, /JWT_SECRET or JWT_JWKS_URL must be set/],
    [
      'a previous secret without the present one',
      { ...GATEWAY, JWT_SECRET: '', JWT_JWKS_URL: 'https://id.example', JWT_SECRET_PREVIOUS: 'x'.repeat(32) },
      /JWT_SECRET must be set beside JWT_SECRET_PREVIOUS/,
    ],
    ['several gateways without Redis', { ...GATEWAY, GATEWAY_REPLICAS: '2' }, /GATEWAY_REDIS_URL must be set/],
    [
      'gateways that share a store but no key of leases',
      { ...GATEWAY, GATEWAY_REDIS_URL: 'rediss://redis.example' },
      /LEASE_PRIVATE_KEY_FILE must be set/,
    ],
    ['a certificate without its key', { ...GATEWAY, GATEWAY_TLS_CERT_FILE: HERE }, /GATEWAY_TLS_KEY_FILE and/],
    ['files that are not there', { GATEWAY_TLS_KEY_FILE: '/nowhere.pem' }, /GATEWAY_TLS_KEY_FILE must be .*ENOENT/],
    [
      'tokens of any issuer, unsaid',
      { ...GATEWAY, JWT_ISSUER: '' },
      /^JWT_ISSUER must be set, or JWT_UNCHECKED_CLAIMS=iss/,
    ],
    [
      'tokens for any service, unsaid',
      { ...GATEWAY, JWT_AUDIENCE: ' , ' },
      /^JWT_AUDIENCE must be set, or .*=aud must/,
    ],
    [
      'half a waiver',
      { ...GATEWAY, JWT_ISSUER: '', JWT_AUDIENCE: '', JWT_UNCHECKED_CLAIMS: 'iss' },
      /^JWT_AUDIENCE must be set/,
    ],
    ['a waiver beside what it waives', { ...GATEWAY, JWT_UNCHECKED_CLAIMS: 'aud' }, /^JWT_AUDIENCE and .* contradict/],
    [
      'a waiver of what is no claim',
      { ...GATEWAY, JWT_UNCHECKED_CLAIMS: 'exp' },
      /^JWT_UNCHECKED_CLAIMS=exp must name iss/,
    ],
    ['scopes without a claim', { ...GATEWAY, JWT_SCOPE_CLAIMS: ',' }, /^JWT_SCOPE_CLAIMS=, must name a claim/],
    [
      'everybody as a proxy',
      { GATEWAY_TRUSTED_PROXIES: '10.0.0.0/8,0.0.0.0/0' },
      /^GATEWAY_TRUSTED_PROXIES=.*"0.0.0.0\/0"/,
    ],
    [
      'an origin that is none',
      { GATEWAY_CORS_ORIGINS: 'https://play.example/' },
      /^GATEWAY_CORS_ORIGINS=.*must be origins/,
    ],
    ['everybody of IPv6 as a proxy', { GATEWAY_TRUSTED_PROXIES: '::/0' }, /^GATEWAY_TRUSTED_PROXIES=.*"::\/0" is no /],
    ['half of everybody as a proxy', { GATEWAY_TRUSTED_PROXIES: '128.0.0.0/1' }, /^GATEWAY_TRUSTED_PROXIES=.*clients/],
    ['proxies and none', { GATEWAY_TRUSTED_PROXIES: '10.0.0.0/8,none' }, /^GATEWAY_TRUSTED_PROXIES=.*stands alone/],
    ['networks that are none', { GATEWAY_TRUSTED_PROXIES: '10.0.0.0/8,10.0.0.0/99' }, /GATEWAY_TRUSTED_PROXIES=/],
    ['half a deployment', { WORKER_BUILD_ID: '7' }, /go together/],
    ['a port that is none', { HEALTH_ADDRESS: '127.0.0.1:65536' }, /^HEALTH_ADDRESS=127.0.0.1:65536 must be host:port/],
    [
      'the URL of a queue in place of its name',
      { FOLLOWS_QUEUE: 'https://sqs.example/1/follows' },
      /^FOLLOWS_QUEUE=.* must be the name of a queue, not its URL/,
    ],
    [
      'more retries by themselves than anybody means',
      { EVENT_AUTO_RETRY_DELAYS_MS: Array.from({ length: 101 }, () => '1000').join(',') },
      /^EVENT_AUTO_RETRY_DELAYS_MS=.* must not name more than 100 pauses/,
    ],
    [
      'a pause of the list that is none',
      { EVENT_AUTO_RETRY_DELAYS_MS: '1000,1m' },
      /^EVENT_AUTO_RETRY_DELAYS_MS=1000,1m must be a whole number from 1000 to /,
    ],
  ];
  for (const [name, variables, fault] of refusals) {
    it(`refuses ${name}, by name`, () => {
      assert.throws(() => loadWorkerConfig({ ...REQUIRED, ...variables }), { name: 'SettingsError', message: fault });
    });
  }

  it('never shows a secret', () => {
    const secrets = {
      JWT_SECRET: 'short',
      GATEWAY_REDIS_URL: 'http://user:password@redis',
      STREAM_API_URL: 'pass:word',
    };
    assert.throws(
      () => loadWorkerConfig({ ...REQUIRED, ...secrets }),
      (error) => {
        assert.ok(error instanceof SettingsError);
        for (const name of Object.keys(secrets)) assert.match(error.message, new RegExp(`^  ${name} must `, 'm'));
        for (const part of ['short', 'password', 'word']) assert.ok(!error.message.includes(part), error.message);
        return true;
      },
    );
  });

  it('names every fault at once, whether of one setting or between two, and none twice', () => {
    const faults = {
      LOG_LEVEL: 'loud',
      METRICS_ADDRESS: 'here',
      EVENT_RETRY_MAXIMUM_MS: '500',
      STREAM_API_URL: 'http://stream.example',
      WORKER_BUILD_ID: '7',
      // Out of its range, and below the default of another: one sentence.
      EVENT_ATTEMPT_TIMEOUT_MS: '0',
    };
    assert.throws(
      () => loadWorkerConfig({ STREAM_API_KEY: 'key', ...faults }),
      (error) => {
        assert.ok(error instanceof SettingsError);
        const [title, ...lines] = error.message.split('\n');
        assert.equal(title, 'These settings cannot be used:');
        for (const name of [...Object.keys(faults), 'STREAM_API_SECRET']) {
          assert.equal(
            lines.filter((line) => line.trim().startsWith(name) || line.includes(` ${name}`)).length,
            1,
            name,
          );
        }
        return true;
      },
    );
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
    const { policy } = loadWorkerConfig({
      ...REQUIRED,
      EVENT_AUTO_RETRY_DELAYS_MS: '1000, 60000',
      EVENT_LATE_COMMIT_MS: '0',
    });
    assert.deepEqual(policy, { autoRetryDelaysMs: [1_000, 60_000], lateCommitMs: 0 });
  });
});

describe('a number among the settings', () => {
  it('has a range, whatever it is', () => {
    const names = new Set(NUMBERS.map(({ name }) => name));
    const defaults: Record<string, unknown> = { ...loadWorkerConfig(REQUIRED).environment };
    for (const [field, name] of Object.entries(POLICY_VARIABLES)) {
      defaults[name] = Reflect.get(DEFAULT_EVENT_POLICY, field);
    }
    const numeric = Object.entries(defaults).filter(([, value]) => typeof value === 'number');
    assert.deepEqual(
      numeric.map(([name]) => name).filter((name) => !names.has(name)),
      [],
    );
    assert.ok(numeric.length > 40);
  });

  it('is refused by name, with its value, its range and a reason, when it lies outside or is not in plain digits', () => {
    const nonsense = [
      'NaN',
      'Infinity',
      '-Infinity',
      '-1',
      '+1',
      '10s',
      '1e3',
      '1e12',
      '0x10',
      '1_000',
      '1,000',
      'many',
    ];
    for (const { name, minimum, maximum } of NUMBERS) {
      const beyond = [String(maximum + 1), '999999999999999', '99999999999999999999'];
      for (const value of [...nonsense, ...beyond, ...(minimum > 0 ? ['0', '-0', '00'] : []), ' 5', '5 ']) {
        assert.throws(
          () => loadWorkerConfig({ ...REQUIRED, [name]: value }),
          (error) => {
            assert.ok(error instanceof SettingsError);
            const range = `must be a (whole )?number from ${minimum} to ${maximum}: \\w`.replace('.', '\\.');
            const [line = ''] = error.message.split('\n').filter((text) => text.includes(`${name}=`));
            assert.match(line, new RegExp(`${name}=.*${range}`), error.message);
            assert.ok(line.includes(`${name}=${value} `), error.message);
            return true;
          },
          `${name}=${value}`,
        );
      }
    }
  });

  it('is taken as it is within its range, the ends included', () => {
    for (const { name, field, minimum, maximum } of NUMBERS) {
      fc.assert(
        fc.property(fc.integer({ min: Math.ceil(minimum), max: maximum }), (value) => {
          assert.equal(field.parse(String(value)), value, name);
        }),
        { numRuns: 20, examples: [[Math.ceil(minimum)], [maximum]] },
      );
    }
    assert.equal(workerSettings.WORKER_ACTIVITIES_PER_SECOND.parse('0.5'), 0.5);
  });

  it('is no longer than a timer can be, where a timer of this process waits for it', () => {
    // Waited for by timers of Temporal, or compared with a clock.
    const untimed = /^(EVENT_|ABUSE_(MAX_)?BLOCK_MS)/;
    for (const { name, maximum } of NUMBERS) {
      if (name.endsWith('_MS') && !untimed.test(name)) assert.ok(maximum + 5_000 <= MAX_TIMER_MS, name);
      if (name.endsWith('_SECONDS') && !name.startsWith('JWT_')) assert.ok(maximum * 1_000 <= MAX_TIMER_MS, name);
    }
  });
});

describe('the example of an environment', () => {
  it('has every setting, and as its value the default', async () => {
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
    const known = Object.keys(workerSettings);
    const written = Object.keys(example).filter((name) => !name.startsWith('TEMPORAL_'));
    assert.deepEqual(
      written.filter((name) => !known.includes(name)),
      [],
    );
    // Ways of the AWS SDK, which the endpoint for all of it stands for.
    const left = ['AWS_ENDPOINT_URL_SQS', 'AWS_ENDPOINT_URL_S3'];
    assert.deepEqual(known.filter((name) => !written.includes(name)).toSorted(), left.toSorted());
  });
});
