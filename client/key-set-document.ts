import type { JSONWebKeySet, JWK } from 'jose';

/** Some thousand keys; hosts publish a handful. */
const MAX_BYTES = 1_048_576;
const MAX_REDIRECTS = 3;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
/** What a public key of each kind must have [RFC 7518, 6; RFC 8037, 2]. */
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  RSA: ['n', 'e'],
  EC: ['crv', 'x', 'y'],
  OKP: ['crv', 'x'],
};
/** What only private and symmetric keys have. */
const SECRET_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];

/**
 * The document at a URL, of at most 1 MiB. Up to three redirects are followed: to any `https:` host, as the one that was trusted says
 * so; otherwise only to the same host and protocol.
 *
 * @throws Error that says why there is none
 */
export async function downloadKeySet(url: URL, signal: AbortSignal): Promise<unknown> {
  let at = url;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    const headers = { accept: 'application/jwk-set+json, application/json' };
    const response = await fetch(at, { headers, redirect: 'manual', signal });
    const location = response.headers.get('location');
    if (REDIRECTS.includes(response.status) && location !== null) {
      await response.body?.cancel();
      at = redirected(at, location);
    } else if (response.status === 200) {
      return JSON.parse(await boundedText(response));
    } else {
      await response.body?.cancel();
      throw new Error(`the answer has the status ${response.status}`);
    }
  }
  throw new Error(`more than ${MAX_REDIRECTS} redirects`);
}

/**
 * The keys of a JWK Set that can verify. As RFC 7517 (section 5) has it, those that are not understood are ignored: of an unknown
 * `kty`, with members missing or of the wrong type. So are secret keys: whoever published one, everybody may sign with it. Keys may
 * have one `kid` in common.
 *
 * @returns also what was ignored, in words without key material
 * @throws Error when it is no JWK Set
 */
export function readKeySet(document: unknown): {
  readonly set: JSONWebKeySet;
  readonly ignored: readonly string[];
} {
  if (!isObject(document) || !Array.isArray(document['keys'])) throw new Error('the document is no JWK Set');
  const members: readonly unknown[] = document['keys'];
  const faults = members.map(faultOf);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- those without a fault are keys
  const keys = members.filter((_, index) => faults[index] === undefined) as JWK[];
  const ignored = faults.flatMap((fault, index) => (fault === undefined ? [] : [`key ${index + 1}: ${fault}`]));
  return { set: { keys }, ignored };
}

function faultOf(key: unknown): string | undefined {
  if (!isObject(key)) return 'it is no object';
  const { kty } = key;
  const members = typeof kty === 'string' && Object.hasOwn(MEMBERS, kty) ? MEMBERS[kty] : undefined;
  if (members === undefined) return 'its kty is not one of public keys that are understood';
  if (SECRET_MEMBERS.some((name) => Object.hasOwn(key, name))) return 'it is a private key, known to everybody now';
  if (members.some((name) => typeof key[name] !== 'string')) return 'members are missing or no text';
  const optional = ['kid', 'alg', 'use'].some((name) => key[name] !== undefined && typeof key[name] !== 'string');
  return optional ? 'its kid, alg or use is no text' : undefined;
}

function redirected(from: URL, location: string): URL {
  const to = new URL(location, from);
  const alike = to.protocol === from.protocol && to.hostname === from.hostname;
  if (to.protocol !== 'https:' && !alike)
    throw new Error('the answer redirects to where it could be changed on its way');
  return to;
}

/** The size that is announced may be wrong, and is that before compression. */
async function boundedText(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
    bytes += part.value.byteLength;
    if (bytes > MAX_BYTES) {
      await reader?.cancel();
      throw new Error(`the answer is larger than ${MAX_BYTES} bytes`);
    }
    text += decoder.decode(part.value, { stream: true });
  }
  return text + decoder.decode();
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
