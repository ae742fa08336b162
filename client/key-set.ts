import {
  createLocalJWKSet,
  errors,
  type CryptoKey,
  type FlattenedJWSInput,
  type JSONWebKeySet,
  type JWTHeaderParameters,
  type JWTVerifyGetKey,
} from 'jose';

const DEFAULT_TIMEOUT_MS = 2_000;
const DEFAULT_COOLDOWN_MS = 10_000;
const DEFAULT_MAX_AGE_MS = 300_000;
/** While no keys were had yet, every token waits for them. */
const FIRST_KEYS_COOLDOWN_MS = 1_000;

/** Public keys cannot be had, so nothing can be said about the token: worth another try later. */
export class KeysUnavailableError extends Error {
  override readonly name = 'KeysUnavailableError';

  constructor(url: URL, cause: unknown) {
    super(`no usable keys from ${url.origin}${url.pathname}`, { cause });
  }
}

export interface RemoteKeysOptions {
  /** Longest time of one request, milliseconds; default 2,000. */
  readonly timeoutMs?: number;
  /** Shortest time between two requests, whatever keys are asked for, milliseconds; default 10,000. */
  readonly cooldownMs?: number;
  /** Keys of this age are fetched anew, in the background; at twice this age, first. Milliseconds; default 300,000. */
  readonly maxAgeMs?: number;
}

/**
 * Keys of a JWK Set by URL. A key that is not known is looked for there, so a rotation holds at once. Keys that were
 * fetched go on to serve while the URL does not answer.
 */
export function remoteKeys(url: URL, options: RemoteKeysOptions = {}): JWTVerifyGetKey {
  const keys = new RemoteKeys(url, options);
  return (header, token) => keys.find(header, token);
}

class RemoteKeys {
  readonly #url: URL;
  readonly #timeoutMs: number;
  readonly #cooldownMs: number;
  readonly #maxAgeMs: number;
  #keys: ReturnType<typeof createLocalJWKSet> | undefined;
  #fetchedAt = -Infinity;
  #triedAt = -Infinity;
  /** Why the last request brought no keys. */
  #failure: unknown;
  #loading: Promise<void> | undefined;

  constructor(url: URL, options: RemoteKeysOptions) {
    this.#url = url;
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#cooldownMs = options.cooldownMs ?? DEFAULT_COOLDOWN_MS;
    this.#maxAgeMs = options.maxAgeMs ?? DEFAULT_MAX_AGE_MS;
  }

  async find(header: JWTHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> {
    if (this.#keys === undefined) await this.#load(Math.min(this.#cooldownMs, FIRST_KEYS_COOLDOWN_MS));
    else await this.#renew();
    if (this.#keys === undefined) throw new KeysUnavailableError(this.#url, this.#failure);
    try {
      return await this.#keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
    }
    await this.#load(this.#cooldownMs);
    // The key may be a new one that only the missing answer tells of.
    if (this.#failure !== undefined) throw new KeysUnavailableError(this.#url, this.#failure);
    return this.#keys(header, token);
  }

  async #renew(): Promise<void> {
    const ageMs = performance.now() - this.#fetchedAt;
    if (ageMs < this.#maxAgeMs) return;
    const loading = this.#load(this.#cooldownMs);
    // Nobody asked for long: a key that was withdrawn meanwhile must not serve once more.
    if (ageMs >= 2 * this.#maxAgeMs) await loading;
  }

  /** Waits for the request under way, or makes one if the last is long enough ago. Never rejects. */
  #load(cooldownMs: number): Promise<void> {
    if (this.#loading !== undefined) return this.#loading;
    if (performance.now() - this.#triedAt < cooldownMs) return Promise.resolve();
    this.#triedAt = performance.now();
    this.#loading = this.#fetch().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #fetch(): Promise<void> {
    try {
      const response = await fetch(this.#url, {
        headers: { accept: 'application/jwk-set+json, application/json' },
        redirect: 'manual',
        signal: AbortSignal.timeout(this.#timeoutMs),
      });
      if (response.status !== 200) throw new Error(`the answer has the status ${response.status}`);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- jose checks the form
      this.#keys = createLocalJWKSet((await response.json()) as JSONWebKeySet);
      this.#fetchedAt = performance.now();
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error;
    }
  }
}
