import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { requireSecureEndpoint, requireUsableTls } from '../../contracts/shared/endpoint-security.ts';
import { loadWorkerConfig } from '../../workers/config.ts';
import { expireCertificate, makeCertificate, whyNoOpenssl } from '../support/certificate.ts';
import { skipWhereMissing } from '../support/skip-where-missing.ts';

describe('requireSecureEndpoint', () => {
  it('accepts TLS to anywhere', () => {
    requireSecureEndpoint('AWS_ENDPOINT_URL', 'https://sqs.example.com', []);
  });

  for (const host of ['localhost', 'LOCALHOST', '127.0.0.1', '127.8.9.10', '127.1', '[::1]', '[0:0:0:0:0:0:0:1]']) {
    it(`accepts clear text to this machine as ${host}`, () => {
      requireSecureEndpoint('AWS_ENDPOINT_URL', `http://${host}:4566`, []);
    });
  }

  it('accepts clear text to a listed host, however its letters are cased', () => {
    requireSecureEndpoint('AWS_ENDPOINT_URL', 'http://fauxqs:4566', ['FauxQS']);
    requireSecureEndpoint('AWS_ENDPOINT_URL', 'http://[fd00::1]:4566', ['fd00::1']);
  });

  for (const host of [
    'sqs.example.com',
    '10.0.0.1',
    '127.evil.example',
    'localhost.example',
    '[::2]',
    'fauxqs.example',
  ]) {
    it(`refuses clear text to ${host} and says what to do`, () => {
      assert.throws(
        () => requireSecureEndpoint('AWS_ENDPOINT_URL', `http://${host}`, ['fauxqs']),
        /^Error: AWS_ENDPOINT_URL would send .* unencrypted .*use https:\/\//,
      );
    });
  }

  it('refuses what is no URL and other protocols, naming the setting', () => {
    assert.throws(() => requireSecureEndpoint('STREAM_URL', 'stream:8800:x', []), /STREAM_URL/);
    assert.throws(() => requireSecureEndpoint('STREAM_URL', 'not a url', []), /STREAM_URL is not a URL/);
    assert.throws(() => requireSecureEndpoint('STREAM_URL', 'ftp://localhost', []), /STREAM_URL begins with "ftp:"/);
  });

  it('keeps passwords out of the message', () => {
    assert.throws(
      () => requireSecureEndpoint('AWS_ENDPOINT_URL', 'http://key:hunter2@example.com', []),
      (error: Error) => !error.message.includes('hunter2'),
    );
  });
});

describe('requireUsableTls', () => {
  const DAY_MS = 86_400_000;
  let folder: string;
  const file = (name: string): string => path.join(folder, name);
  const read = (name: string): Promise<string> => readFile(file(name), 'utf8');
  before(async function () {
    skipWhereMissing(this, whyNoOpenssl());
    folder = await mkdtemp(path.join(tmpdir(), 'tls-'));
    makeCertificate(file('good.crt'), file('good.key'));
    makeCertificate(file('other.crt'), file('other.key'));
    makeCertificate(file('old.crt'), file('old.key'));
    expireCertificate(file('old.crt'), file('old.key'));
  });
  after(async () => {
    if (folder) await rm(folder, { recursive: true });
  });

  it('takes a certificate and its key, and either of them alone', async () => {
    const [cert, key] = [await read('good.crt'), await read('good.key')];
    for (const material of [{ cert, key }, { cert }, { key }, { ca: cert }, {}]) requireUsableTls('X_FILE', material);
  });

  it('refuses what no connection could use, by the names of the settings', async () => {
    const [cert, key] = [await read('good.crt'), await read('good.key')];
    const pem = /^Error: X_FILE must be PEM files of a certificate and its own key: /;
    for (const material of [
      { cert: 'no PEM', key },
      { cert, key: 'no PEM' },
      { cert: key, key },
      { cert: '', key },
      { cert, key: '\n' },
      { cert, key: await read('other.key') },
      { ca: 'no PEM' },
    ]) {
      assert.throws(() => requireUsableTls('X_FILE', material), pem);
    }
    const nowMs = Date.now();
    const expired = /^Error: X_FILE: the certificate of CN=localhost expired on 20\d\d-.*; renew it$/;
    assert.throws(() => requireUsableTls('X_FILE', { cert, key }, nowMs + 3 * DAY_MS), expired);
    const early = /^Error: X_FILE: the certificate of CN=localhost is not valid before 20.*clock of this machine$/;
    assert.throws(() => requireUsableTls('X_FILE', { cert, key }, nowMs - DAY_MS), early);
  });

  it('is asked about every certificate of a process at its start', async () => {
    const base = {
      ROLES: 'gateway',
      JWT_SECRET: 'a secret of at least thirty-two bytes',
      JWT_UNCHECKED_CLAIMS: 'iss,aud',
    };
    const gateway = (name: string) => ({
      GATEWAY_TLS_CERT_FILE: file(`${name}.crt`),
      GATEWAY_TLS_KEY_FILE: file(`${name}.key`),
    });
    const temporal = (name: string) => ({
      TEMPORAL_TLS_CLIENT_CERT_PATH: file(`${name}.crt`),
      TEMPORAL_TLS_CLIENT_KEY_PATH: file(`${name}.key`),
    });
    loadWorkerConfig({ ...base, ...gateway('good'), ...temporal('good') });
    for (const [settings, named] of [
      [gateway('old'), /^GATEWAY_TLS_KEY_FILE and GATEWAY_TLS_CERT_FILE: the certificate of .* expired on /],
      [temporal('old'), /^TEMPORAL_TLS_\*: the certificate of .* expired on /],
      [{ ...gateway('good'), GATEWAY_TLS_KEY_FILE: file('other.key') }, /^GATEWAY_TLS_KEY_FILE and .* its own key: /],
      [{ ...temporal('good'), TEMPORAL_TLS_CLIENT_KEY_PATH: file('other.key') }, /^TEMPORAL_TLS_\* .* its own key: /],
    ] as const) {
      assert.throws(() => loadWorkerConfig({ ...base, ...settings }), { message: named });
    }
  });
});
