import {
  createLocalJWKSet,
  errors,
  type CryptoKey,
  type FlattenedJWSInput,
  type JSONWebKeySet,
  type JWTHeaderParameters,
} from 'jose';
import { downloadKeySet, readKeySet } from './key-set-document.ts';

const DEFAULT_TIMEOUT_MS = 2_000;
const DEFAULT_COOLDOWN_MS = 5_000;
const DEFAULT_MAX_AGE_MS = 300_000;
/** While no keys were had yet, every token waits for them. */
const FIRST_KEYS_COOLDOWN_MS = 1_000;
/** After a request failed, nobody waits longer than this for the next one. */
const LONGEST_WAIT_AFTER_FAILURE_MS = 200;

/**
 * Public keys cannot be had, or are older than the token and do not have its key, which may be new: nothing can be said about the
 * token. Worth another try later.
 */
export class KeysUnavailableError extends Error {
  override readonly name = 'KeysUnavailableError';
  /** When keys may be asked for again, milliseconds. */
  readonly retryAfterMs: number;

  constructor(url: URL, retryAfterMs: number, cause?: unknown) {
    super(`no usable keys from ${url.origin}${url.pathname}`, { cause });
    this.retryAfterMs = retryAfterMs;
  }
}

export interface RemoteKeysOptions {
  /** Longest time of one request, milliseconds; default 2,000. */
  readonly timeoutMs?: number;
  /** Shortest time between two requests, whatever keys are asked for, milliseconds; default 5,000. */
  readonly cooldownMs?: number;
  /** Keys of this age are fetched anew, in the background; at twice this age, first. Milliseconds; default 300,000. */
  readonly maxAgeMs?: number;
  /** Told why keys cannot be had when they were before, and nothing when they can again. */
  readonly onChange?: (failure: Error | undefined) => void;
  /** Told which keys of the set are ignored and why, when that has changed. */
  readonly onIgnored?: (keys: readonly string[]) => void;
}

/** Where the key of a token is found. */
export type KeySource = ((header: JWTHeaderParameters, token: FlattenedJWSInput) => Promise<CryptoKey>) & {
  /** Asks for the keys anew if the last time is long enough ago. @returns whether it did and got some */
  readonly refresh?: () => Promise<boolean>;
};

/**
 * Keys of a JWK Set by URL. A key that is not known is looked for there, so a rotation holds at once, or after the cooldown. Keys
 * that were fetched go on to serve while the URL does not answer. Keys that are odd are ignored: see `readKeySet`.
 */
export function remoteKeys(url: URL, options: RemoteKeysOptions = {}): KeySource {
  const keys = new RemoteKeys(url, options);
  return Object.assign((header: JWTHeaderParameters, token: FlattenedJWSInput) => keys.find(header, token), {
    refresh: () => keys.refresh(),
  });
}

/** Keys of a JWK Set at hand; odd ones are ignored as those by URL are. @throws Error when it is no JWK Set */
export function localKeys(set: JSONWebKeySet): KeySource {
  return createLocalJWKSet(readKeySet(set).set);
}

class RemoteKeys {
  readonly #url: URL;
  readonly #options: RemoteKeysOptions;
  readonly #timeoutMs: number;
  readonly #cooldownMs: number;
  readonly #maxAgeMs: number;
  #keys: ReturnType<typeof createLocalJWKSet> | undefined;
  /** When the request began that brought them. */
  #fetchedAtMs = -Infinity;
  #triedAtMs = -Infinity;
  /** Why the last request brought no keys. */
  #failure: Error | undefined;
  #ignored = '';
  #loading: Promise<void> | undefined;

  constructor(url: URL, options: RemoteKeysOptions) {
    this.#url = url;
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#cooldownMs = options.cooldownMs ?? DEFAULT_COOLDOWN_MS;
    this.#maxAgeMs = options.maxAgeMs ?? DEFAULT_MAX_AGE_MS;
  }

  async find(header: JWTHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> {
    const askedAtMs = performance.now();
    if (this.#keys === undefined) await this.#load(this.#firstCooldownMs);
    else await this.#renew();
    if (this.#keys === undefined) throw this.#unavailable(this.#firstCooldownMs);
    try {
      return await this.#keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
    }
    await this.#load(this.#cooldownMs);
    try {
      return await this.#keys(header, token);
    } catch (error) {
      // The key may be newer than these: only an answer to a request that was made since can tell.
      const answered = this.#failure === undefined && this.#fetchedAtMs >= askedAtMs;
      if (answered || !(error instanceof errors.JWKSNoMatchingKey)) throw error;
      throw this.#unavailable(this.#cooldownMs);
    }
  }

  async refresh(): Promise<boolean> {
    const before = this.#fetchedAtMs;
    await this.#load(this.#cooldownMs);
    return this.#fetchedAtMs > before;
  }

  get #firstCooldownMs(): number {
    return Math.min(this.#cooldownMs, FIRST_KEYS_COOLDOWN_MS);
  }

  #unavailable(cooldownMs: number): KeysUnavailableError {
    const retryAfterMs = Math.max(0, this.#triedAtMs + cooldownMs - performance.now());
    return new KeysUnavailableError(this.#url, retryAfterMs, this.#failure);
  }

  async #renew(): Promise<void> {
    const ageMs = performance.now() - this.#fetchedAtMs;
    if (ageMs < this.#maxAgeMs) return;
    const failed = this.#failure !== undefined;
    const loading = this.#load(this.#cooldownMs);
    // Nobody asked for long: a key that was withdrawn meanwhile must not serve once more.
    if (ageMs >= 2 * this.#maxAgeMs && !failed) await loading;
  }

  /** Waits for the request under way, or makes one if the last is long enough ago. Never rejects. */
  async #load(cooldownMs: number): Promise<void> {
    if (this.#loading === undefined) {
      if (performance.now() - this.#triedAtMs < cooldownMs) return;
      this.#triedAtMs = performance.now();
      this.#loading = this.#fetch(this.#triedAtMs).finally(() => {
        this.#loading = undefined;
      });
    }
    if (this.#failure === undefined) return await this.#loading;
    await Promise.race([
      this.#loading,
      new Promise((resolve) => {
        setTimeout(resolve, LONGEST_WAIT_AFTER_FAILURE_MS);
      }),
    ]);
  }

  async #fetch(startedAtMs: number): Promise<void> {
    const before = this.#failure;
    try {
      const { set, ignored } = readKeySet(await downloadKeySet(this.#url, AbortSignal.timeout(this.#timeoutMs)));
      this.#keys = createLocalJWKSet(set);
      this.#fetchedAtMs = startedAtMs;
      this.#failure = undefined;
      this.#tellIgnored(ignored);
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    }
    if ((before === undefined) !== (this.#failure === undefined)) this.#options.onChange?.(this.#failure);
  }

  #tellIgnored(ignored: readonly string[]): void {
    const text = ignored.join();
    if (text !== this.#ignored && text !== '') this.#options.onIgnored?.(ignored);
    this.#ignored = text;
  }
}
