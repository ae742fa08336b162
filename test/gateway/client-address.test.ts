import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import fc from 'fast-check';
import {
  addressKey,
  canonicalUserKey,
  clientAddress,
  trustedProxies,
  UNKNOWN_ADDRESS,
} from '../../gateway/client-address.ts';
import { Forwarders } from '../../gateway/forwarders.ts';
import { addressSet, InvalidNetworkError, NetworkMap, parseAddress, parseNetwork } from '../../gateway/ip-address.ts';

const trusted = trustedProxies(['10.0.0.0/8', '2001:db8:ffff::/48', '192.0.2.7']);
const addressOf = (remote: string | undefined, forwardedFor: string | string[] | undefined) =>
  clientAddress(remote, { 'x-forwarded-for': forwardedFor }, trusted).address;
const ipv4 = fc.ipV4();
const address = fc.oneof(ipv4, fc.ipV6());

describe('the address of a client', () => {
  it('is the address of the socket, in one form, when no trusted proxy is in between', () => {
    assert.equal(addressOf('203.0.113.9', '198.51.100.1'), '203.0.113.9');
    assert.equal(addressOf('::ffff:203.0.113.9', undefined), '203.0.113.9');
    assert.equal(addressOf('fe80::1%eth0', undefined), 'fe80::1');
    assert.equal(addressOf('2001:DB8:0:0::1', undefined), '2001:db8::1');
    assert.equal(addressOf(undefined, '198.51.100.1'), UNKNOWN_ADDRESS);
  });

  it('is the last address of X-Forwarded-For that no trusted proxy has', () => {
    assert.equal(addressOf('10.1.1.1', '198.51.100.1'), '198.51.100.1');
    assert.equal(addressOf('10.1.1.1', '1.2.3.4, 198.51.100.1, 192.0.2.7, 10.2.2.2'), '198.51.100.1');
    assert.equal(addressOf('::ffff:10.1.1.1', '2001:db8::5, 2001:db8:ffff::1'), '2001:db8::5');
    assert.equal(addressOf('10.1.1.1', ['1.2.3.4', '198.51.100.1']), '198.51.100.1');
    assert.equal(addressOf('10.1.1.1', '10.9.9.9'), '10.9.9.9', 'all are trusted: the farthest');
  });

  it('tolerates ports and brackets', () => {
    assert.equal(addressOf('10.1.1.1', '198.51.100.1:4711'), '198.51.100.1');
    assert.equal(addressOf('10.1.1.1', '[2001:db8::5]:4711'), '2001:db8::5');
    assert.equal(addressOf('10.1.1.1', '[::ffff:198.51.100.1]'), '198.51.100.1');
  });

  it('ends at the last good address when garbage follows', () => {
    for (const garbage of [
      '',
      'unknown',
      '_hidden',
      '1.2.3',
      '0x7f.1',
      '010.0.0.1',
      '1.2.3.4:x',
      '"1.2.3.4"',
      '[::1',
      '::g',
    ]) {
      assert.equal(addressOf('10.1.1.1', `1.2.3.4, ${garbage}`), '10.1.1.1', garbage);
      assert.equal(addressOf('10.1.1.1', `1.2.3.4, ${garbage}, 10.2.2.2`), '10.2.2.2', garbage);
    }
  });

  it('can never be chosen by who is not trusted', () => {
    fc.assert(
      fc.property(
        fc.string(),
        address,
        fc.array(fc.constantFrom('10.1.1.1', '192.0.2.7:80')),
        (forged, real, proxies) => {
          const parsed = parseAddress(real);
          fc.pre(parsed !== undefined && !trusted.has(parsed));
          const header = [forged, real, ...proxies].join(', ');
          assert.equal(addressOf('10.0.0.1', header), parsed?.toString());
          assert.equal(addressOf(real, forged), parsed?.toString());
        },
      ),
    );
  });
});

describe('what an address says of who sent a request', () => {
  const originOf = (remote: string | undefined, headers: IncomingHttpHeaders, proxies = trusted) =>
    clientAddress(remote, headers, proxies).origin;

  it('is that it is the client itself, where a trusted proxy says so', () => {
    assert.equal(originOf('10.1.1.1', { 'x-forwarded-for': '198.51.100.1' }), 'client');
    assert.equal(originOf('10.1.1.1', { 'x-forwarded-for': '1.2.3.4, 198.51.100.1, 192.0.2.7' }), 'client');
  });

  it('is nothing, where it is of whoever connected', () => {
    assert.equal(originOf('198.51.100.1', {}), 'peer');
    assert.equal(originOf('198.51.100.1', {}, trustedProxies([])), 'peer');
  });

  it('is that many clients may have it, where somebody brings requests and is not trusted, or does not say whose', () => {
    for (const name of ['x-forwarded-for', 'forwarded', 'x-real-ip'])
      assert.equal(originOf('198.51.100.1', { [name]: '' }), 'forwarder', name);
    const silent: IncomingHttpHeaders[] = [{}, { 'x-real-ip': '1.2.3.4' }, { 'x-forwarded-for': 'unknown' }];
    for (const headers of [...silent, { 'x-forwarded-for': '10.9.9.9' }])
      assert.equal(originOf('10.1.1.1', headers), 'forwarder', JSON.stringify(headers));
    assert.equal(originOf(undefined, {}), 'forwarder', 'all that comes through a Unix socket');
  });

  it('is that it is the client itself, whatever the client says, where there are no proxies at all', () => {
    const headers = { 'x-forwarded-for': '203.0.113.1' };
    const none = trustedProxies(['none']);
    assert.deepEqual(clientAddress('198.51.100.1', headers, none), { address: '198.51.100.1', origin: 'client' });
  });

  it('is not asked of networks that hold clients too', () => {
    const wide = ['0.0.0.0/0', '::/0', '128.0.0.0/1', '10.0.0.0/7', '2000::/3', '::ffff:0.0.0.0/96', '8000::/1'];
    for (const network of wide)
      assert.throws(() => trustedProxies(['10.0.0.0/8', network]), InvalidNetworkError, network);
    for (const network of ['10.0.0.0/8', 'fc00::/7', 'fd00::/8', 'fe80::/10', '2001:db8::/32', '::ffff:10.0.0.0/104'])
      assert.ok(trustedProxies([network]), network);
  });
});

describe('peers that bring others’ requests', () => {
  it('are told of once each, and remembered up to a bound', () => {
    const told: unknown[] = [];
    const forwarders = new Forwarders({ warn: (fields: unknown) => void told.push(fields) }, 2);
    for (const peer of ['a', 'a', 'b', 'a', 'c', 'c']) forwarders.note(peer);
    assert.deepEqual(told, [{ peer: 'a' }, { peer: 'b', last: true }]);
    assert.deepEqual(
      ['a', 'b', 'c'].map((peer) => forwarders.has(peer)),
      [true, true, false],
    );
  });
});

describe('a list of networks', () => {
  it('names the entry it does not take', () => {
    for (const entry of ['10.0.0.0/33', '10.0.0/8', 'proxy', '', '::/129', '10.0.0.0/', '10.0.0.0/-1', '10.0.0.0/8x']) {
      assert.throws(
        () => addressSet(['10.0.0.0/8', entry]),
        (error) => error instanceof InvalidNetworkError && error.message.includes(JSON.stringify(entry)),
        entry,
      );
    }
  });

  it('has one text for one network', () => {
    assert.equal(parseNetwork('10.1.2.3/8').text, '10.0.0.0/8');
    assert.equal(parseNetwork('::ffff:10.0.0.0/104').text, '10.0.0.0/8');
    assert.equal(parseNetwork(' 2001:DB8::1/32 ').text, '2001:db8::/32');
    assert.equal(parseNetwork('192.0.2.1').text, '192.0.2.1/32');
    assert.equal(parseNetwork('::/0').text, '::/0');
  });

  it('finds the most specific network of an address, and each as ipaddr.js does', () => {
    const map = new NetworkMap<string>();
    for (const network of ['10.0.0.0/8', '10.1.0.0/16', '0.0.0.0/0', '::/0']) map.set(parseNetwork(network), network);
    const find = (text: string) => map.find(parseAddress(text) ?? assert.fail());
    assert.equal(find('10.1.2.3'), '10.1.0.0/16');
    assert.equal(find('10.2.2.3'), '10.0.0.0/8');
    assert.equal(find('2001:db8::1'), '::/0');
    map.delete(parseNetwork('10.1.0.0/16'));
    assert.equal(find('10.1.2.3'), '10.0.0.0/8');
    fc.assert(
      fc.property(ipv4, ipv4, fc.nat(32), (one, other, bits) => {
        const a = parseAddress(one) ?? assert.fail();
        const b = parseAddress(other) ?? assert.fail();
        assert.equal(addressSet([`${one}/${bits}`]).has(b), b.match(a, bits));
      }),
    );
  });
});

describe('the bucket of an address', () => {
  it('is the IPv4 address, or the /64 of an IPv6 one', () => {
    assert.equal(addressKey('192.0.2.1'), '192.0.2.1');
    assert.equal(addressKey('::ffff:192.0.2.1'), '192.0.2.1');
    assert.equal(addressKey('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64');
    assert.equal(addressKey(UNKNOWN_ADDRESS), UNKNOWN_ADDRESS);
    fc.assert(
      fc.property(fc.array(fc.nat(0xffff), { minLength: 8, maxLength: 8 }), fc.nat(0xffff), (parts, low) => {
        const one = parts.map((part) => part.toString(16)).join(':');
        const other = [...parts.slice(0, 7), low].map((part) => part.toString(16)).join(':');
        fc.pre(parts[0] !== 0);
        assert.equal(addressKey(one), addressKey(other));
      }),
    );
  });
});

describe('the bucket of a user', () => {
  it('is shared by the spellings of one id', () => {
    for (const variant of ['alice', 'ALICE', ' Alice\t', 'ａｌｉｃｅ', 'al\u200bice', 'ali\u00adce', '\ufeffalice']) {
      assert.equal(canonicalUserKey(variant), 'alice', JSON.stringify(variant));
    }
    assert.equal(canonicalUserKey('STRASSE'), canonicalUserKey('straße'));
    assert.equal(canonicalUserKey('ΣΟΦΟΣ'), canonicalUserKey('σοφος'));
    assert.equal(canonicalUserKey('e\u0301'), canonicalUserKey('É'));
    assert.notEqual(canonicalUserKey('alice'), canonicalUserKey('alice2'));
  });

  it('is its own bucket, and that of its upper and lower case', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (id) => {
        const key = canonicalUserKey(id);
        assert.equal(canonicalUserKey(key), key);
        assert.equal(canonicalUserKey(id.normalize('NFD')), key);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii' }), (id) => {
        assert.equal(canonicalUserKey(id.toUpperCase()), canonicalUserKey(id.toLowerCase()));
      }),
    );
  });
});
