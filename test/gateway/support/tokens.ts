import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JSONWebKeySet, type JWK } from 'jose';
import { UnauthenticatedError } from '../../../gateway/auth/errors.ts';
import { freePort } from '../../../local/ports.ts';

export const SECRET = 'a secret of the tests, of more than 32 bytes';

/** Claims of a token that is accepted. */
export function claims(more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { sub: 'alice', exp: now() + 60, ...more };
}

export function now(): number {
  return Math.floor(Date.now() / 1_000);
}

/** A token put together by hand: any header, any payload, also such as no library writes. */
export function craft(header: unknown, payload: unknown, secret: string | Uint8Array = SECRET): string {
  const signed = `${encode(header)}.${encode(payload)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

export function hs256(payload: unknown, header: Readonly<Record<string, unknown>> = {}): string {
  return craft({ alg: 'HS256', typ: 'JWT', ...header }, payload);
}

export function bearer(token: string): string {
  return `Bearer ${token}`;
}

/** Objects as JSON, texts and bytes as they are. */
function encode(part: unknown): string {
  if (typeof part === 'string' || part instanceof Uint8Array) return Buffer.from(part).toString('base64url');
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

/** For `assert.rejects`. */
export function refusedAs(reason: string): (error: unknown) => boolean {
  return (error) => {
    if (!(error instanceof UnauthenticatedError)) throw error;
    if (error.reason !== reason) throw new Error(`refused as ${error.reason}, not as ${reason}`);
    return true;
  };
}

/** A key pair of an issuer. */
export interface IssuerKey {
  readonly jwk: JWK;
  sign(payload: Record<string, unknown>, header?: Readonly<Record<string, unknown>>): Promise<string>;
}

export async function issuerKey(kid: string | undefined, alg = 'ES256'): Promise<IssuerKey> {
  const { publicKey, privateKey }: { publicKey: CryptoKey; privateKey: CryptoKey } = await generateKeyPair(alg);
  const id = kid === undefined ? {} : { kid };
  return {
    jwk: { ...(await exportJWK(publicKey)), ...id, alg, use: 'sig' },
    sign: (payload, header = {}) => new SignJWT(payload).setProtectedHeader({ alg, ...id, ...header }).sign(privateKey),
  };
}

/** A host of a JWK Set that can be changed, broken and stopped. */
export interface KeyHost {
  readonly url: URL;
  keys: readonly JWK[];
  /** `hang`: takes the request and never answers. `flood`: a document without an end. */
  behaviour: 'serve' | 'fail' | 'hang' | 'nonsense' | 'flood';
  /** Instead of a JWK Set of the keys. */
  document: unknown;
  /** Where a request for this path is sent. */
  redirect: (path: string) => string | undefined;
  requests: number;
  /** Of a flood, until whoever asked hung up. */
  bytesSent: number;
  stop(): Promise<void>;
}

export async function startKeyHost(...keys: readonly JWK[]): Promise<KeyHost> {
  const port = await freePort();
  const server = createServer((request, response) => {
    host.requests++;
    if (host.behaviour === 'hang') return;
    if (host.behaviour === 'flood') return void flood(response);
    const location = host.redirect(request.url ?? '');
    if (location !== undefined) {
      response.writeHead(302, { location }).end();
      return;
    }
    if (host.behaviour === 'fail') response.statusCode = 500;
    if (host.behaviour === 'nonsense') response.end('<html>');
    else response.end(JSON.stringify(host.document ?? ({ keys: [...host.keys] } satisfies JSONWebKeySet)));
  });
  const flood = async (response: ServerResponse): Promise<void> => {
    response.setMaxListeners(0).write('{"keys":[');
    while (!response.destroyed && host.bytesSent < 60_000_000) {
      host.bytesSent += 65_536;
      if (!response.write(' '.repeat(65_536))) await Promise.race([once(response, 'drain'), once(response, 'close')]);
    }
    response.end(']}');
  };
  const host: KeyHost = {
    url: new URL(`http://127.0.0.1:${port}/keys.json`),
    keys,
    behaviour: 'serve',
    document: undefined,
    redirect: () => undefined,
    requests: 0,
    bytesSent: 0,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve);
  });
  return host;
}
