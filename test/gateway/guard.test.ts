import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { createTokenVerifier } from '../../gateway/auth/token-verifier.ts';
import { createAbuseWatch } from '../../gateway/blacklist/abuse-watch.ts';
import { parseBlock } from '../../gateway/blacklist/block.ts';
import { openMemoryBlacklist } from '../../gateway/blacklist/memory-blacklist.ts';
import { trustedProxies, type ClientAddress } from '../../gateway/client-address.ts';
import { Forwarders } from '../../gateway/forwarders.ts';
import { Guard, type TokenAccess } from '../../gateway/guard.ts';
import { MemoryRateLimiter } from '../../gateway/limits/memory-rate-limiter.ts';
import { Problem } from '../../gateway/problem.ts';
import { claims, craft, hs256, SECRET } from './support/tokens.ts';

const PEER: ClientAddress = { address: '198.51.100.7', origin: 'peer' };
const CERTAIN: ClientAddress = { address: '198.51.100.7', origin: 'client' };
const WIDE = { limit: 1_000, windowMs: 60_000 };

async function setUp({ proxies = [], addressBurst = 3 }: { proxies?: string[]; addressBurst?: number } = {}) {
  const warnings: unknown[] = [];
  const logger = { warn: (fields: unknown) => void warnings.push(fields) };
  const blacklist = await openMemoryBlacklist();
  const abuse = createAbuseWatch({ blacklist, logger: { warn: () => undefined }, policy: { strikes: 3 } });
  const narrow = { limit: 1, windowMs: 60_000, burst: addressBurst };
  const guard = new Guard({
    tokens: createTokenVerifier({ secret: SECRET }),
    blacklist,
    abuse,
    addressLimiter: new MemoryRateLimiter(narrow),
    forwarderLimiter: new MemoryRateLimiter({ ...narrow, burst: 10 * addressBurst }),
    userLimiter: new MemoryRateLimiter(WIDE),
    serviceLimiter: new MemoryRateLimiter(WIDE),
    trustedProxies: trustedProxies(proxies),
    forwarders: new Forwarders(logger),
  });
  const admit = async (token: string, from: ClientAddress = PEER, access?: TokenAccess): Promise<string> => {
    try {
      await guard.admitCaller(['authorization', `Bearer ${token}`], from, access);
      return 'admitted';
    } catch (error) {
      return error instanceof Problem ? error.code : Reflect.get(Object(error), 'reason');
    }
  };
  const addressOf = (remoteAddress: string, headers: IncomingHttpHeaders = {}) =>
    guard.addressOf({ raw: { socket: { remoteAddress }, headers } });
  return { guard, blacklist, abuse, warnings, admit, addressOf };
}

const forged = (subject: string) => craft({ alg: 'HS256' }, claims({ sub: subject }), 'guessed and missed, by far');

describe('the guard of the gateway', () => {
  it('warns once of a peer that brings others’ requests, and counts all it brings as theirs from then on', async () => {
    const { addressOf, warnings } = await setUp();
    assert.equal(addressOf('198.51.100.7').origin, 'peer');
    for (let time = 0; time < 3; time += 1)
      assert.equal(addressOf('198.51.100.7', { 'x-forwarded-for': '203.0.113.1' }).origin, 'forwarder');
    assert.deepEqual(addressOf('198.51.100.7'), { address: '198.51.100.7', origin: 'forwarder' });
    assert.equal(addressOf('198.51.100.8').origin, 'peer');
    assert.deepEqual(warnings, [{ peer: '198.51.100.7' }]);
  });

  it('warns of no proxy that is listed, whatever it says or does not say', async () => {
    const { addressOf, warnings } = await setUp({ proxies: ['10.0.0.0/8'] });
    for (const headers of [{}, { 'x-forwarded-for': '10.9.9.9' }, { 'x-real-ip': '203.0.113.1' }])
      assert.equal(addressOf('10.0.0.1', headers).origin, 'forwarder');
    assert.equal(addressOf('10.0.0.1', { 'x-forwarded-for': '203.0.113.1' }).origin, 'client');
    assert.deepEqual(warnings, []);
  });

  it('strikes an address for forged tokens alone, and only where it is certain', async () => {
    const { admit, abuse, blacklist } = await setUp({ addressBurst: 100 });
    const old = hs256(claims({ exp: 1 }));
    for (const token of ['garbage', 'a.b.c', old, hs256(claims({ sub: {} })), hs256(claims(), { typ: 'lease+jwt' })])
      for (let time = 0; time < 5; time += 1) assert.notEqual(await admit(token, CERTAIN), 'admitted');
    for (let time = 0; time < 5; time += 1) assert.equal(await admit(forged('a'), PEER), 'badSignature');
    await abuse.idle();
    assert.deepEqual(blacklist.list(), []);
    for (let time = 0; time < 3; time += 1) assert.equal(await admit(forged('a'), CERTAIN), 'badSignature');
    await abuse.idle();
    assert.equal(await admit(hs256(claims()), CERTAIN), 'blocked');
    assert.deepEqual(
      blacklist.list().map(({ kind, value }) => `${kind} ${value}`),
      ['address 198.51.100.7/32'],
    );
  });

  it('looks at no unknown token while the limit of the address is reached, and lets known ones through', async () => {
    const { admit } = await setUp({ addressBurst: 2 });
    const known = hs256(claims());
    assert.equal(await admit(known), 'admitted');
    assert.deepEqual([await admit(forged('a')), await admit(forged('b'))], ['badSignature', 'badSignature']);
    assert.equal(await admit(forged('c')), 'rate-limited');
    assert.equal(await admit(hs256(claims({ jti: 'new' }))), 'rate-limited');
    assert.equal(await admit(known), 'admitted');
    assert.equal(await admit(known, { ...PEER, address: '198.51.100.8' }), 'admitted');
    assert.equal(await admit(hs256(claims({ jti: 'new' })), { ...PEER, origin: 'forwarder' }), 'admitted');
  });

  it('lets an operator in from a blocked address to the blacklist alone, unless the operator is blocked', async () => {
    const { admit, blacklist } = await setUp();
    const operator = hs256(claims({ sub: 'ops', jti: 'o1', scope: 'blacklist' }));
    const block = (kind: string, value: string) =>
      blacklist.block(parseBlock({ kind, value, reason: 'test', by: 'ops' }));
    await block('address', PEER.address);
    assert.equal(await admit(operator, PEER, 'operator'), 'admitted');
    assert.equal(await admit(operator, PEER, 'token'), 'blocked');
    assert.equal(await admit(hs256(claims({ scope: 'streams' })), PEER, 'operator'), 'blocked');
    await block('token', 'o1');
    assert.equal(await admit(operator, PEER, 'operator'), 'blocked');
  });

  it('refuses a service that is blocked itself, also when it beats; of a user’s own beat the stream is judged', async () => {
    const { admit, blacklist } = await setUp();
    const block = (kind: string, value: string) =>
      blacklist.block(parseBlock({ kind, value, reason: 'test', by: 'ops' }));
    await block('user', 'player-api');
    await block('user', 'alice');
    await block('device', 'tv');
    const service = hs256(claims({ sub: 'player-api', scope: 'streams' }));
    const alice = hs256(claims({ device: 'tv' }));
    assert.deepEqual([await admit(service, PEER, 'beat'), await admit(service)], ['blocked', 'blocked']);
    assert.deepEqual([await admit(alice, PEER, 'beat'), await admit(alice)], ['admitted', 'blocked']);
  });
});
