import assert from 'node:assert/strict';
import { z } from 'zod';
import {
  accessLogSettings,
  lakeWriterSettings,
  toAccessLogOptions,
  toLakeWriterOptions,
} from '../../access-log/settings.ts';

describe('the settings of the access log', () => {
  const gateway = z.object(accessLogSettings);
  const writer = z.object(lakeWriterSettings);

  it('keep no access log unless a queue is named', () => {
    assert.equal(toAccessLogOptions(gateway.parse({})), undefined);
  });

  it('become options of a gateway', () => {
    const set = {
      ACCESS_LOG_QUEUE: 'logs',
      ACCESS_LOG_FLUSH_MS: '250',
      ACCESS_LOG_SPOOL_DIRECTORY: '/var/spool/access',
    };
    assert.deepEqual(toAccessLogOptions(gateway.parse(set)), {
      queueName: 'logs',
      flushIntervalMs: 250,
      maxBufferedRecords: 50_000,
      maxBufferedBytes: 33_554_432,
      maxSpoolBytes: 1_073_741_824,
      spoolDirectory: '/var/spool/access',
    });
  });

  it('become options of a writer', () => {
    assert.deepEqual(toLakeWriterOptions(writer.parse({ ACCESS_LOG_PREFIX: '', ACCESS_LOG_MAX_AGE_MS: '5000' })), {
      queueName: 'stream-access-log',
      bucket: 'stream-access-log',
      prefix: '',
      maxObjectBytes: 8_000_000,
      maxAgeMs: 5_000,
    });
    assert.throws(() => writer.parse({ ACCESS_LOG_MAX_AGE_MS: 'soon' }), /ACCESS_LOG_MAX_AGE_MS/);
  });
});
