import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseRedisUrl, redisHostUrls, RedisUrlError } from '../../gateway/redis/redis-url.ts';

const tls = {};

describe('the URL of a Redis', () => {
  const GOOD: readonly (readonly [string, object])[] = [
    ['redis://localhost', { kind: 'single', nodes: [{ host: 'localhost', port: 6_379 }], url: 'redis://localhost' }],
    ['rediss://ann:s%40@[::1]:7000/3', { kind: 'single', nodes: [{ host: '::1', port: 7_000 }] }],
    [
      'redis+sentinel://one,two:7/mymaster',
      {
        kind: 'sentinel',
        options: {
          name: 'mymaster',
          sentinels: [
            { host: 'one', port: 26_379 },
            { host: 'two', port: 7 },
          ],
        },
      },
    ],
    [
      'REDISS+Sentinel://ann:a%3Ab%2F@one/my%20master/2?sentinelUsername=eve&sentinelPassword=p%26q',
      {
        kind: 'sentinel',
        options: {
          name: 'my master',
          db: 2,
          username: 'ann',
          password: 'a:b/',
          sentinelUsername: 'eve',
          sentinelPassword: 'p&q',
          tls,
          sentinelTLS: tls,
          enableTLSForSentinelMode: true,
        },
      },
    ],
    ['redis+cluster://:secret@one:1,[::1]:2,three', { kind: 'cluster', options: { password: 'secret' } }],
    ['rediss+cluster://one:1/0', { kind: 'cluster', nodes: [{ host: 'one', port: 1 }], options: { tls } }],
  ];
  for (const [url, expected] of GOOD) {
    it(`is understood: ${url}`, () => assert.partialDeepStrictEqual(parseRedisUrl(url), expected));
  }

  const BAD: readonly (readonly [string, RegExp])[] = [
    ['', /must be a URL/],
    ['localhost:6379', /must be a URL/],
    ['http://one', /must be a URL/],
    ['redis+ring://one', /must be a URL/],
    ['redis://', /must be a URL/],
    ['redis://one,two', /one host/],
    ['redis://one/name', /number of a database/],
    ['redis+sentinel://one', /name by which Sentinel knows/],
    ['redis+sentinel://one/name/x', /number of a database/],
    ['redis+sentinel://one/name/1/2', /nothing else/],
    ['redis+sentinel://one/name?password=x', /parameter other than/],
    ['redis+sentinel://one,,two/name', /host:port/],
    ['redis+sentinel://one:0/name', /host:port/],
    ['redis+cluster://one:66666', /host:port/],
    ['redis+cluster://one/1', /no database/],
    ['redis+cluster://one?tls=1', /parameter other than/],
    ['redis+cluster://%zz:x@one', /percent-encoding/],
  ];
  for (const [url, message] of BAD) {
    it(`is refused with the reason: ${url}`, () => {
      assert.throws(
        () => parseRedisUrl(url),
        (error) => error instanceof RedisUrlError && message.test(error.message),
      );
    });
  }

  it('never shows what it holds when it is refused, and is either understood or refused', () => {
    const part = fc.string({ unit: fc.constantFrom(...'a : / @ , ? # % + [ ] . 0'.split(' ')) });
    fc.assert(
      fc.property(fc.constantFrom('redis', 'rediss+sentinel', 'redis+cluster'), part, part, (scheme, one, other) => {
        try {
          parseRedisUrl(`${scheme}://user:${one}SECRET@host${other}`);
        } catch (error) {
          assert.ok(error instanceof RedisUrlError);
          assert.doesNotMatch(error.message, /SECRET/);
        }
      }),
    );
  });

  it('names each host, to be checked by itself', () => {
    assert.deepEqual(redisHostUrls('rediss+cluster://u:p@one,[::1]:2'), ['rediss://one:6379', 'rediss://[::1]:2']);
    assert.deepEqual(redisHostUrls('redis+sentinel://one,two:7/name'), ['redis://one:26379', 'redis://two:7']);
    assert.deepEqual(redisHostUrls('redis://u:p@one/1'), ['redis://one:6379']);
  });
});
