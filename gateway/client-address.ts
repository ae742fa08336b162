import { CUSTOMER_BITS, parseAddress, prefixOf, type AddressSet, type IpAddress } from './ip-address.ts';

export { addressSet, type AddressSet } from './ip-address.ts';

/** Stands for the address of a connection that has none, because it is closed already or comes through a Unix socket. */
export const UNKNOWN_ADDRESS = 'unknown';

/**
 * Whose request it is: the socket's own address unless that is a trusted proxy's, else what the proxies wrote into
 * `X-Forwarded-For`, read from the right and past those that are trusted. What is no address ends the reading at the last
 * one that was, so nobody can choose an address by sending the header.
 *
 * @param remoteAddress the socket's; undefined gives {@link UNKNOWN_ADDRESS}
 * @param forwardedFor the header as it came, or its repetitions in order
 * @param trusted proxies whose word is taken, made by `addressSet`
 */
export function clientAddress(
  remoteAddress: string | undefined,
  forwardedFor: string | readonly string[] | undefined,
  trusted: AddressSet,
): string {
  let address = remoteAddress === undefined ? undefined : parseAddress(remoteAddress);
  if (!address) return UNKNOWN_ADDRESS;
  if (forwardedFor === undefined || !trusted.has(address)) return address.toString();
  const hops = (typeof forwardedFor === 'string' ? forwardedFor : forwardedFor.join(',')).split(',');
  for (const hop of hops.toReversed()) {
    const before = parseHop(hop.trim());
    if (!before) break;
    address = before;
    if (!trusted.has(address)) break;
  }
  return address.toString();
}

/**
 * What a limit counts as one caller: the IPv4 address itself, the /64 of an IPv6 one. Text that is no address stays as it
 * is.
 */
export function addressKey(address: string): string {
  const parsed = parseAddress(address);
  if (!parsed) return address;
  return parsed.kind() === 'ipv4' ? parsed.toString() : prefixOf(parsed, CUSTOMER_BITS.ipv6).text;
}

/**
 * What a limit counts as one user: Unicode's NFKC case folding, without outer white space. Spellings that a careless
 * service takes for one user share it; the id itself stays as it is everywhere else.
 */
export function canonicalUserKey(userId: string): string {
  let key = userId;
  // Folding can open the way to another composition, and the other way round; two rounds settle all but crafted text.
  for (let round = 0; round < 4; round += 1) {
    const folded = foldOnce(key);
    if (folded === key) break;
    key = folded;
  }
  return key;
}

function foldOnce(text: string): string {
  return text
    .normalize('NFKC')
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .toUpperCase()
    .toLowerCase()
    .normalize('NFKC')
    .trim();
}

/** An address with or without a port: `192.0.2.1:4711`, `[2001:db8::1]:4711`, `[2001:db8::1]`. */
function parseHop(hop: string): IpAddress | undefined {
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(hop);
  if (bracketed) return parseAddress(bracketed[1] ?? '');
  const withPort = /^([\d.]+):\d{1,5}$/.exec(hop);
  return parseAddress(withPort?.[1] ?? hop);
}
