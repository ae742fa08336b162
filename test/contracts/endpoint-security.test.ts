import assert from 'node:assert/strict';
import { requireSecureEndpoint } from '../../contracts/endpoint-security.ts';

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
