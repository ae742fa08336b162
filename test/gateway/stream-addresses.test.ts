import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { StreamRef } from '../../gateway/watch/beat-store.ts';
import { ADDRESS_WINDOW_MS, StreamAddresses } from '../../gateway/watch/stream-addresses.ts';
import { eventually } from '../support/eventually.ts';
import { startRedisServer, whyNoRedis, type RedisServer } from '../support/redis-server.ts';
import { skipWhereMissing } from '../support/skip-where-missing.ts';
import { connectToRedis } from './support/redis-clients.ts';

describe('the addresses of a stream', () => {
  const stream = (): StreamRef => ({ userId: randomUUID(), streamId: 'a' });

  it('count when there are several, for as long as a window, and once as shared', async () => {
    let nowMs = 0;
    const shared: StreamRef[] = [];
    const addresses = new StreamAddresses({ onShared: (ref) => shared.push(ref), nowMs: () => nowMs });
    const one = stream();
    const counted = async (): Promise<number | undefined> => (await addresses.several(one.userId, ['a', 'b'])).get('a');
    addresses.note(one, '192.0.2.1');
    assert.equal(await counted(), undefined, 'one is what a stream has');
    addresses.note(one, '192.0.2.2');
    assert.equal(await counted(), 2);
    assert.deepEqual(shared, [], 'two are a player between networks');
    for (let beats = 0; beats < 3; beats++) for (const host of [1, 2, 3]) addresses.note(one, `192.0.2.${host}`);
    assert.equal(await counted(), 3);
    assert.deepEqual(shared, [one]);
    nowMs += ADDRESS_WINDOW_MS / 2;
    addresses.note(one, '192.0.2.1');
    nowMs += ADDRESS_WINDOW_MS / 2 + 1;
    assert.equal(await counted(), undefined, 'the others were not heard of for too long');
    for (let host = 0; host < 100; host++) addresses.note(one, `198.51.100.${host}`);
    assert.ok(((await counted()) ?? 0) <= 20, 'no stream fills the memory');
  });

  it('are those of all gateways that share a Redis, and are done without while it is away', async function () {
    this.timeout(60_000);
    skipWhereMissing(this, whyNoRedis());
    const server: RedisServer = await startRedisServer();
    const connections = await Promise.all([connectToRedis(server.url), connectToRedis(server.url)]);
    try {
      const shared: StreamRef[] = [];
      const gateways = connections.map((redis) => new StreamAddresses({ redis, onShared: (ref) => shared.push(ref) }));
      const one = stream();
      const counts = async (): Promise<(number | undefined)[]> =>
        await Promise.all(gateways.map(async (gateway) => (await gateway.several(one.userId, ['a', 'b'])).get('a')));
      for (const [index, gateway] of gateways.entries()) {
        for (const host of [1, 2 + index]) gateway.note(one, `192.0.2.${host}`);
      }
      await eventually(async () => assert.deepEqual(await counts(), [3, 3]));
      assert.deepEqual(shared, [one], 'told by one of them');
      await server.kill();
      gateways[0]?.note(stream(), '192.0.2.1');
      assert.deepEqual(await counts(), [undefined, undefined]);
    } finally {
      for (const redis of connections) redis.disconnect();
      await server.kill();
    }
  });
});
