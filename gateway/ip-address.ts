import ipaddr from 'ipaddr.js';

/** An address in one form: IPv4-mapped IPv6 is IPv4, and there is no zone id. */
export type IpAddress = ReturnType<typeof ipaddr.parse>;

/** All addresses that begin with the same bits. */
export interface AddressPrefix {
  readonly family: 'ipv4' | 'ipv6';
  /** How many leading bits count: at most 32, or 128. */
  readonly bits: number;
  /** Those bits as a number. */
  readonly network: bigint;
  /** `10.0.0.0/8`, `2001:db8::/64`: one text for one prefix. */
  readonly text: string;
}

/** One customer's network: whoever has one IPv6 address has the other 2^64 as well. */
export const CUSTOMER_BITS = { ipv4: 32, ipv6: 64 } as const;
const WIDTH = { ipv4: 32, ipv6: 128 } as const;
const MAPPED_BITS = 96;
/** The longest spelling of an address, with its zone id. */
const MAX_LENGTH = 100;

/** An entry of a list of networks is neither an address nor a CIDR prefix; the message names it. */
export class InvalidNetworkError extends Error {
  override readonly name = 'InvalidNetworkError';

  constructor(entry: string, why: string) {
    super(`${JSON.stringify(entry.slice(0, MAX_LENGTH))} is no network: ${why}`);
  }
}

/** The address of a plain spelling, or undefined; `127.1`, `0x7f000001` and `010.0.0.1` are not plain. */
export function parseAddress(text: string): IpAddress | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  if (!text.includes(':')) return ipaddr.IPv4.isValidFourPartDecimal(text) ? ipaddr.IPv4.parse(text) : undefined;
  const zone = text.indexOf('%');
  const address = zone === -1 ? text : text.slice(0, zone);
  try {
    return ipaddr.process(address);
  } catch {
    return undefined;
  }
}

/** The prefix of that length which holds the address. */
export function prefixOf(address: IpAddress, bits: number): AddressPrefix {
  const family = address.kind();
  return toPrefix(family, bits, leadingBits(toNumber(address), family, bits));
}

/**
 * A prefix from `10.0.0.0/8` or from a single address, which is a prefix of its full length. Bits behind the prefix are
 * dropped.
 *
 * @throws InvalidNetworkError
 */
export function parseNetwork(text: string): AddressPrefix {
  const trimmed = text.trim();
  const slash = trimmed.indexOf('/');
  const address = parseAddress(slash === -1 ? trimmed : trimmed.slice(0, slash));
  if (!address) throw new InvalidNetworkError(text, 'neither an IPv4 nor an IPv6 address stands before the length');
  const family = address.kind();
  if (slash === -1) return prefixOf(address, WIDTH[family]);
  const length = trimmed.slice(slash + 1);
  // `::ffff:10.0.0.0/104` is `10.0.0.0/8`.
  const skipped = family === 'ipv4' && trimmed.includes(':') ? MAPPED_BITS : 0;
  const bits = Number(length) - skipped;
  if (!/^\d{1,3}$/.test(length) || bits < 0 || bits > WIDTH[family]) {
    throw new InvalidNetworkError(text, `its length must be from ${skipped} to ${skipped + WIDTH[family]}`);
  }
  return prefixOf(address, bits);
}

/** Values by network, and the most specific one for an address. */
export class NetworkMap<Value> {
  /** By family and length, the longest first; there are few lengths, however many networks. */
  readonly #tables = { ipv4: new Map<number, Map<bigint, Value>>(), ipv6: new Map<number, Map<bigint, Value>>() };

  set({ family, bits, network }: AddressPrefix, value: Value): void {
    const tables = this.#tables[family];
    const table = tables.get(bits);
    if (table) {
      table.set(network, value);
      return;
    }
    const longestFirst = [...tables, [bits, new Map([[network, value]])] as const].toSorted((a, b) => b[0] - a[0]);
    this.#tables[family] = new Map(longestFirst);
  }

  delete({ family, bits, network }: AddressPrefix): void {
    const table = this.#tables[family].get(bits);
    table?.delete(network);
    if (table?.size === 0) this.#tables[family].delete(bits);
  }

  /** The value of the longest network that holds the address and whose value is wanted. */
  find(address: IpAddress, wanted: (value: Value) => boolean = () => true): Value | undefined {
    const family = address.kind();
    const tables = this.#tables[family];
    if (tables.size === 0) return undefined;
    const number = toNumber(address);
    for (const [bits, table] of tables) {
      const value = table.get(leadingBits(number, family, bits));
      if (value !== undefined && wanted(value)) return value;
    }
    return undefined;
  }
}

/** Addresses by networks, such as a load balancer's. */
export interface AddressSet {
  has(address: IpAddress): boolean;
}

/** @throws InvalidNetworkError naming the entry */
export function addressSet(networks: readonly string[]): AddressSet {
  const map = new NetworkMap<true>();
  for (const network of networks) map.set(parseNetwork(network), true);
  return { has: (address) => map.find(address) === true };
}

function toPrefix(family: 'ipv4' | 'ipv6', bits: number, network: bigint): AddressPrefix {
  const number = network << BigInt(WIDTH[family] - bits);
  const bytes = Array.from({ length: WIDTH[family] / 8 }, (_, index) =>
    Number((number >> BigInt(WIDTH[family] - 8 * (index + 1))) & 0xffn),
  );
  return { family, bits, network, text: `${ipaddr.fromByteArray(bytes).toString()}/${bits}` };
}

function leadingBits(number: bigint, family: 'ipv4' | 'ipv6', bits: number): bigint {
  return number >> BigInt(WIDTH[family] - bits);
}

function toNumber(address: IpAddress): bigint {
  let number = 0n;
  if (address.kind() === 'ipv4') {
    for (const byte of address.toByteArray()) number = (number << 8n) | BigInt(byte);
    return number;
  }
  const bytes = address.toByteArray();
  for (let index = 0; index < bytes.length; index += 2) {
    number = (number << 16n) | BigInt(((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0));
  }
  return number;
}
