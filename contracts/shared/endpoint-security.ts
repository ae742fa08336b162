import { X509Certificate } from 'node:crypto';
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
 * Refuses certificates and keys that no TLS connection could use: not PEM, a key of another certificate, or a certificate that is
 * not valid now.
 *
 * @param names the settings they came from, as the operator knows them
 * @param nowMs wall clock
 * @throws Error that names the settings and says what is wrong
 */
export function requireUsableTls(names: string, { key, cert, ca }: TlsMaterial, nowMs: number = Date.now()): void {
  const own = readOwnCertificate(names, { key, cert, ca });
  if (own) requireValidNow(names, own, nowMs);
}

/** The first of a chain. */
function readOwnCertificate(names: string, { key, cert, ca }: TlsMaterial): X509Certificate | undefined {
  const texts = { key: textOf(key), cert: textOf(cert), ca: textOf(ca) };
  try {
    // Node takes an empty text for none.
    for (const text of Object.values(texts)) if (text?.trim() === '') throw new Error('one of them is empty');
    createSecureContext(texts);
    // Authorities that are none are passed over in silence, and nobody is trusted then.
    if (texts.ca !== undefined) void new X509Certificate(texts.ca);
    return texts.cert === undefined ? undefined : new X509Certificate(texts.cert);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${names} must be PEM files of a certificate and its own key: ${reason}`, { cause });
  }
}

/** Only the certificate that is shown to others: authorities of a bundle may have ended. */
function requireValidNow(names: string, { subject, validFrom, validTo }: X509Certificate, nowMs: number): void {
  const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
  if (nowMs > to) throw new Error(`${names}: the certificate of ${subject} expired on ${isoDate(to)}; renew it`);
  if (nowMs < from) {
    const why = 'use another one, or mend the clock of this machine';
    throw new Error(`${names}: the certificate of ${subject} is not valid before ${isoDate(from)}; ${why}`);
  }
}

function isoDate(ms: number): string {
  return new Date(ms).toISOString();
}

function textOf(pem: string | Uint8Array | undefined): string | undefined {
  return typeof pem === 'object' ? Buffer.from(pem).toString() : pem;
}
