import assert from 'node:assert/strict';
import fc from 'fast-check';
import { addressKey, canonicalUserKey, clientAddress, UNKNOWN_ADDRESS } from '../../gateway/client-address.ts';
import { addressSet, InvalidNetworkError, NetworkMap, parseAddress, parseNetwork } from '../../gateway/ip-address.ts';

const trusted = addressSet(['10.0.0.0/8', '2001:db8:ffff::/48', '192.0.2.7']);
const ipv4 = fc.ipV4();
const address = fc.oneof(ipv4, fc.ipV6());

describe('the address of a client', () => {
  it('is the address of the socket, in one form, when no trusted proxy is in between', () => {
    assert.equal(clientAddress('203.0.113.9', '198.51.100.1', trusted), '203.0.113.9');
    assert.equal(clientAddress('::ffff:203.0.113.9', undefined, trusted), '203.0.113.9');
    assert.equal(clientAddress('fe80::1%eth0', undefined, trusted), 'fe80::1');
    assert.equal(clientAddress('2001:DB8:0:0::1', undefined, trusted), '2001:db8::1');
    assert.equal(clientAddress(undefined, '198.51.100.1', trusted), UNKNOWN_ADDRESS);
  });

  it('is the last address of X-Forwarded-For that no trusted proxy has', () => {
    assert.equal(clientAddress('10.1.1.1', '198.51.100.1', trusted), '198.51.100.1');
    assert.equal(clientAddress('10.1.1.1', '1.2.3.4, 198.51.100.1, 192.0.2.7, 10.2.2.2', trusted), '198.51.100.1');
    assert.equal(clientAddress('::ffff:10.1.1.1', '2001:db8::5, 2001:db8:ffff::1', trusted), '2001:db8::5');
    assert.equal(clientAddress('10.1.1.1', ['1.2.3.4', '198.51.100.1'], trusted), '198.51.100.1');
    assert.equal(clientAddress('10.1.1.1', '10.9.9.9', trusted), '10.9.9.9', 'all are trusted: the farthest');
  });

  it('tolerates ports and brackets', () => {
    assert.equal(clientAddress('10.1.1.1', '198.51.100.1:4711', trusted), '198.51.100.1');
    assert.equal(clientAddress('10.1.1.1', '[2001:db8::5]:4711', trusted), '2001:db8::5');
    assert.equal(clientAddress('10.1.1.1', '[::ffff:198.51.100.1]', trusted), '198.51.100.1');
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
      assert.equal(clientAddress('10.1.1.1', `1.2.3.4, ${garbage}`, trusted), '10.1.1.1', garbage);
      assert.equal(clientAddress('10.1.1.1', `1.2.3.4, ${garbage}, 10.2.2.2`, trusted), '10.2.2.2', garbage);
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
          assert.equal(clientAddress('10.0.0.1', header, trusted), parsed?.toString());
          assert.equal(clientAddress(real, forged, trusted), parsed?.toString());
        },
      ),
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
