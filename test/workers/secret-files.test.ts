import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createS3Client, createSqsClient } from '../../workers/aws-clients.ts';
import { loadWorkerConfig } from '../../workers/config.ts';

const BASE = { ROLES: 'events,gateway', JWT_UNCHECKED_CLAIMS: 'iss,aud' };
const SECRETS = {
  STREAM_API_KEY: 'a key of the app',
  STREAM_API_SECRET: 'a secret of the app',
  JWT_SECRET: 'a secret of at least thirty-two bytes',
  JWT_SECRET_PREVIOUS: 'an older secret of thirty-two bytes',
  GATEWAY_REDIS_URL: 'rediss://:a-password@redis.example:6379',
  TEMPORAL_API_KEY: 'an api key of the namespace',
  AWS_ACCESS_KEY_ID: 'an id of a key',
  AWS_SECRET_ACCESS_KEY: 'a secret of a key',
  AWS_SESSION_TOKEN: 'a token of a session',
};
type Secret = keyof typeof SECRETS;

describe('secrets from files', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'secrets-'));
  });
  after(() => rm(folder, { recursive: true }));

  async function fileWith(text: string): Promise<string> {
    const file = path.join(folder, `secret-${Math.random()}`);
    await writeFile(file, text);
    return file;
  }

  const names = Object.keys(SECRETS).filter((name): name is Secret => name in SECRETS);
  for (const name of names) {
    const others = Object.fromEntries(Object.entries({ ...BASE, ...SECRETS }).filter(([other]) => other !== name));
    const key = { LEASE_PRIVATE_KEY_FILE: '' };
    const load = (more: Record<string, string>) => {
      const config = loadWorkerConfig({ ...others, ...key, ...withoutRedis(name, more), ...more });
      return {
        ...config.environment,
        TEMPORAL_API_KEY: config.temporal.connectionOptions.apiKey,
        AWS_ACCESS_KEY_ID: config.awsCredentials?.accessKeyId,
        AWS_SECRET_ACCESS_KEY: config.awsCredentials?.secretAccessKey,
        AWS_SESSION_TOKEN: config.awsCredentials?.sessionToken,
      }[name];
    };
    const faultOf = (more: Record<string, string>): string => {
      try {
        load(more);
      } catch (error) {
        return String(error);
      }
      return 'no fault';
    };

    it(`are read without the newline at their end: ${name}`, async () => {
      if (name === 'GATEWAY_REDIS_URL') return; // Wants a key of leases beside it: below.
      for (const end of ['', '\n', '\r\n', '\n\n']) {
        assert.equal(load({ [`${name}_FILE`]: await fileWith(SECRETS[name] + end) }), SECRETS[name]);
      }
    });

    it(`are refused by name where they cannot be had: ${name}`, async () => {
      const variable = `${name}_FILE`;
      assert.match(
        faultOf({ [variable]: '/nowhere' }),
        new RegExp(`${variable} \\(/nowhere\\) must be .* read: ENOENT`),
      );
      assert.match(faultOf({ [variable]: folder }), new RegExp(`${variable} .* must be .* read: EISDIR`));
      for (const empty of ['', '\n', ' \r\n']) {
        assert.match(faultOf({ [variable]: await fileWith(empty) }), new RegExp(`${variable} .*: it is empty`));
      }
      const both = faultOf({ [variable]: await fileWith(SECRETS[name]), [name]: SECRETS[name] });
      assert.match(both, new RegExp(`${name} and ${variable} must not both be set`));
      assert.doesNotMatch(both, new RegExp(SECRETS[name]));
      // A secret that could not be read is not asked for once more.
      assert.doesNotMatch(faultOf({ [variable]: '/nowhere' }), /These settings/);
    });
  }

  it('are told by the name of the file where what stands in it cannot be used', async () => {
    const file = await fileWith('short');
    assert.throws(() => loadWorkerConfig({ ...BASE, ROLES: 'gateway', JWT_SECRET_FILE: file }), {
      message: `JWT_SECRET_FILE (${file}) must have at least 32 bytes`,
    });
  });

  it('may be the whole URL of Redis, password included', async () => {
    const file = await fileWith(`${SECRETS.GATEWAY_REDIS_URL}\n`);
    assert.throws(
      () => loadWorkerConfig({ ...BASE, ...SECRETS, GATEWAY_REDIS_URL: '', GATEWAY_REDIS_URL_FILE: file }),
      {
        message: /^LEASE_PRIVATE_KEY_FILE must be set with GATEWAY_REDIS_URL/,
      },
    );
  });

  it('are what clients of AWS sign with, a session token only where there is one', async () => {
    const credentials = { accessKeyId: 'an id', secretAccessKey: 'a secret' };
    const files = {
      AWS_ACCESS_KEY_ID_FILE: await fileWith('an id\n'),
      AWS_SECRET_ACCESS_KEY_FILE: await fileWith('a secret\n'),
    };
    const long = loadWorkerConfig({ ROLES: 'bridge', ...files });
    const short = loadWorkerConfig({ ROLES: 'bridge', ...files, AWS_SESSION_TOKEN_FILE: await fileWith('a token\n') });
    for (const create of [createSqsClient, createS3Client]) {
      assert.partialDeepStrictEqual(await create(long).config.credentials(), credentials);
      assert.equal((await create(long).config.credentials()).sessionToken, undefined);
      const ofSession = await create(short).config.credentials();
      assert.partialDeepStrictEqual(ofSession, { ...credentials, sessionToken: 'a token' });
    }
  });

  it("are left to the AWS SDK's own chain where none of its parts comes from a file", () => {
    const variables = { AWS_ACCESS_KEY_ID: 'an id', AWS_SECRET_ACCESS_KEY: 'a secret', AWS_SESSION_TOKEN: 'a token' };
    assert.equal(loadWorkerConfig({ ROLES: 'bridge', ...variables }).awsCredentials, undefined);
  });

  it('of AWS are asked for whole when a part comes from a file', async () => {
    const file = await fileWith('a part');
    assert.throws(() => loadWorkerConfig({ ROLES: 'bridge', AWS_ACCESS_KEY_ID_FILE: file }), {
      message: /^AWS_SECRET_ACCESS_KEY or AWS_SECRET_ACCESS_KEY_FILE must be set with AWS_ACCESS_KEY_ID_FILE/,
    });
    assert.throws(() => loadWorkerConfig({ ROLES: 'bridge', AWS_SESSION_TOKEN_FILE: file }), {
      message: /^AWS_ACCESS_KEY_ID or AWS_ACCESS_KEY_ID_FILE must be set with AWS_SESSION_TOKEN_FILE/,
    });
  });
});

/** A Redis wants a key of leases, which is no matter of these tests. */
function withoutRedis(name: Secret, more: Record<string, string>): Record<string, string> {
  return name === 'GATEWAY_REDIS_URL' || 'GATEWAY_REDIS_URL' in more ? {} : { GATEWAY_REDIS_URL: '' };
}
