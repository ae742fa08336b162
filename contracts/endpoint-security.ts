import { isIPv4 } from 'node:net';
import { createSecureContext } from 'node:tls';

/**
 * Refuses an endpoint that would send credentials or user data in clear text. `https:` and `rediss:` are always accepted;
 * `http:` and `redis:` only to this machine (`localhost`, 127.0.0.0/8, `::1`) or to a host that the operator listed.
 *
 * @param name the setting the URL came from, as the operator knows it
 * @param plaintextHosts host names or addresses, without port, for which clear text is accepted
 * @throws Error that names the setting, says what is wrong and what to do
 */
export function requireSecureEndpoint(name: string, url: string, plaintextHosts: readonly string[]): void {
  if (!URL.canParse(url)) throw new Error(`${name} is not a URL; write it like https://host:port`);
  const { protocol, hostname } = new URL(url);
  if (protocol === 'https:' || protocol === 'rediss:') return;
  if (protocol !== 'http:' && protocol !== 'redis:') {
    throw new Error(
      `${name} begins with "${protocol}", which is neither https: nor http:; write it like https://host:port`,
    );
  }
  const host = bareHost(hostname);
  if (isLoopback(host) || plaintextHosts.some((listed) => bareHost(listed) === host)) return;
  throw new Error(
    `${name} would send credentials and messages unencrypted to ${host}; ` +
      `use ${protocol === 'redis:' ? 'rediss' : 'https'}://, or list ${host} in PLAINTEXT_HOSTS if the network in between is trusted`,
  );
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/** URLs put IPv6 addresses in brackets, lists mostly do not. */
function bareHost(host: string): string {
  return host.toLowerCase().replace(/^\[(.*)\]$/, '$1');
}

/** PEM. */
export interface TlsMaterial {
  readonly key?: string | Uint8Array | undefined;
  readonly cert?: string | Uint8Array | undefined;
  readonly ca?: string | Uint8Array | undefined;
}

/**
 * Refuses certificates and keys that no TLS connection could use: not PEM, or a key of another certificate.
 *
 * @param names the settings they came from, as the operator knows them
 * @throws Error that names the settings and says what is wrong
 */
export function requireUsableTls(names: string, { key, cert, ca }: TlsMaterial): void {
  try {
    createSecureContext({ key: textOf(key), cert: textOf(cert), ca: textOf(ca) });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${names} must be PEM files of a certificate and its own key: ${reason}`, { cause });
  }
}

function textOf(pem: string | Uint8Array | undefined): string | undefined {
  return typeof pem === 'object' ? Buffer.from(pem).toString() : pem;
}
