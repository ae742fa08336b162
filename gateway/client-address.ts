import type { IncomingHttpHeaders } from 'node:http';
import {
  addressSet,
  CUSTOMER_BITS,
  InvalidNetworkError,
  parseAddress,
  parseNetwork,
  prefixOf,
  type AddressSet,
  type IpAddress,
} from './ip-address.ts';

/** Stands for the address of a connection that has none, because it is closed already or comes through a Unix socket. */
export const UNKNOWN_ADDRESS = 'unknown';

/**
 * How much an address says of who sent a request. `client`: it is the client's own, as a trusted proxy says, or because it was
 * said that no proxy stands in front. `peer`: of whoever connected, a client or something that many clients come through (a
 * load balancer, a sidecar, a NAT): nobody knows. `forwarder`: of something that many clients come through, certainly.
 */
export type AddressOrigin = 'client' | 'peer' | 'forwarder';

export interface ClientAddress {
  readonly address: string;
  readonly origin: AddressOrigin;
}

/** Proxies whose word on their clients is taken. */
export interface TrustedProxies extends AddressSet {
  /** No proxy stands in front: whoever connects is a client, and what it says of others counts for nothing. */
  readonly none: boolean;
}

/** The word for {@link TrustedProxies.none}. */
const NO_PROXIES = 'none';
/** Shorter prefixes hold clients as well, each of which could then choose its address. */
const LEAST_BITS = { ipv4: 8, ipv6: 16 } as const;
/** Networks of local addresses, which hold no clients from elsewhere [RFC 4193, RFC 4291]. */
const LOCAL = addressSet(['fc00::/7', 'fe80::/10']);
const LOCAL_BITS = 7;

/**
 * Trusted proxies by their addresses and networks, or by the word `none`.
 *
 * @throws InvalidNetworkError naming the entry, also for a network that is too wide to be that of proxies
 */
export function trustedProxies(entries: readonly string[]): TrustedProxies {
  const none = entries.includes(NO_PROXIES);
  if (none && entries.length > 1) throw new InvalidNetworkError(NO_PROXIES, 'it stands alone');
  if (none) return { none, has: () => false };
  for (const entry of entries) {
    const { family, bits, text } = parseNetwork(entry);
    const first = parseAddress(text.replace(/\/.*/u, ''));
    const isLocal = first !== undefined && bits >= LOCAL_BITS && LOCAL.has(first);
    if (bits < LEAST_BITS[family] && !isLocal)
      throw new InvalidNetworkError(entry, `with fewer than ${LEAST_BITS[family]} bits it takes clients for proxies`);
  }
  const set = addressSet(entries);
  return { none, has: (address) => set.has(address) };
}

/**
 * Whose request it is: the socket's own address unless that is a trusted proxy's, else what the proxies wrote into
 * `X-Forwarded-For`, read from the right and past those that are trusted. What is no address ends the reading at the last
 * one that was, so nobody can choose an address by sending the header.
 *
 * @param remoteAddress the socket's; undefined gives {@link UNKNOWN_ADDRESS}
 */
export function clientAddress(
  remoteAddress: string | undefined,
  headers: IncomingHttpHeaders,
  trusted: TrustedProxies,
): ClientAddress {
  const peer = remoteAddress === undefined ? undefined : parseAddress(remoteAddress);
  if (!peer) return { address: UNKNOWN_ADDRESS, origin: 'forwarder' };
  if (trusted.none) return { address: peer.toString(), origin: 'client' };
  if (!trusted.has(peer)) return { address: peer.toString(), origin: forwards(headers) ? 'forwarder' : 'peer' };
  const { 'x-forwarded-for': forwardedFor = '' } = headers;
  const hops = (typeof forwardedFor === 'string' ? forwardedFor : forwardedFor.join(',')).split(',');
  let address = peer;
  for (const hop of hops.toReversed()) {
    const before = parseHop(hop.trim());
    if (!before) break;
    address = before;
    if (!trusted.has(address)) return { address: address.toString(), origin: 'client' };
  }
  return { address: address.toString(), origin: 'forwarder' };
}

/** Whether a header says that the request is another's. */
function forwards(headers: IncomingHttpHeaders): boolean {
  return ['x-forwarded-for', 'forwarded', 'x-real-ip'].some((name) => headers[name] !== undefined);
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
