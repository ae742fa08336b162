import { setTimeout as sleep } from 'node:timers/promises';
import { NotAuthenticatedError, RateLimitedError, SessionsUnavailableError } from './session-errors.ts';

const DEFAULT_TIMEOUT_MS = 10_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;
/** One try gets this part of the time, so that a connection that died in silence leaves time for another. */
const TRIES = 3;
const SHORTEST_TRY_MS = 1_000;
const TOO_MANY_REQUESTS = 429;
const REQUEST_TIMEOUT = 408;
const TOKEN = /^[\x21-\x7E]+$/u;

export interface HttpCallsOptions {
  /** Of the gateway, with a path prefix where it has one. */
  readonly url: string | URL;
  /** Access token, or what gives one: asked before every try, so that it may renew the token. */
  readonly token: string | (() => string | Promise<string>);
  /** Longest time of one call, retries included, milliseconds; default 10,000. */
  readonly timeoutMs?: number;
  /** Default: the global one, which keeps connections. */
  readonly fetch?: typeof globalThis.fetch;
}

export interface HttpCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** From the gateway's URL on, with a slash first. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface HttpAnswer {
  readonly status: number;
  /** Parsed JSON; undefined when there is none. */
  readonly body: unknown;
}

/** What became of one try: an answer, or nothing that could be it. */
type Try =
  | { readonly answer: HttpAnswer }
  | { readonly cause: unknown; readonly retryAfterMs?: number; readonly limited?: true };

/** Calls on the gateway. All of them may be repeated, so whatever fails for now is sent again until the time is over. */
export class HttpCalls {
  readonly #options: HttpCallsOptions;
  readonly #base: URL;
  readonly #timeoutMs: number;

  /** @throws TypeError when the URL is none */
  constructor(options: HttpCallsOptions) {
    this.#options = options;
    this.#base = new URL(options.url);
    if (!/^https?:$/u.test(this.#base.protocol)) throw new TypeError('the url of the gateway must be http or https');
    if (this.#base.username !== '' || this.#base.password !== '')
      throw new TypeError('the url of the gateway must hold no credentials');
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  }

  /**
   * @param what names the call in errors
   * @returns an answer that another try would not change
   * @throws SessionsUnavailableError, RateLimitedError, NotAuthenticatedError
   */
  async run(what: string, call: HttpCall): Promise<HttpAnswer> {
    const deadline = performance.now() + this.#timeoutMs;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      const outcome = await this.#try(call, deadline);
      if ('answer' in outcome) return outcome.answer;
      const { cause, retryAfterMs = 0, limited = false } = outcome;
      // Scattered, so that callers that were refused together do not come back together.
      const waitMs = retryAfterMs + pauseMs * (0.5 + Math.random());
      if (performance.now() + waitMs >= deadline) {
        if (limited) throw new RateLimitedError(Math.ceil(Math.max(retryAfterMs, pauseMs)), { cause });
        throw new SessionsUnavailableError(what, { cause });
      }
      await sleep(waitMs);
    }
  }

  async #try(call: HttpCall, deadline: number): Promise<Try> {
    const leftMs = deadline - performance.now();
    const tryMs = Math.min(leftMs, Math.max(this.#timeoutMs / TRIES, SHORTEST_TRY_MS));
    try {
      return await this.#send(call, AbortSignal.timeout(Math.max(Math.ceil(tryMs), 1)));
    } catch (cause) {
      if (cause instanceof NotAuthenticatedError) throw cause;
      return { cause };
    }
  }

  async #send({ method, path, body, headers = {} }: HttpCall, signal: AbortSignal): Promise<Try> {
    const { fetch = globalThis.fetch } = this.#options;
    const response = await fetch(new URL(this.#base.pathname.replace(/\/+$/u, '') + path, this.#base), {
      method,
      headers: {
        authorization: `Bearer ${await this.#token(signal)}`,
        accept: 'application/json, application/problem+json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      // A token goes to the gateway and nowhere else.
      redirect: 'manual',
      signal,
    });
    const { status } = response;
    // Read to its end in any case: the connection is then free for the next call.
    const answer = { status, body: parseJson(await response.text()) };
    const limited = status === TOO_MANY_REQUESTS;
    if (!limited && status !== REQUEST_TIMEOUT && status < 500) return { answer };
    const cause = new Error(`the gateway answered ${status}: ${detailIn(answer.body)}`);
    return { cause, retryAfterMs: retryAfterMs(response.headers), ...(limited ? { limited } : {}) };
  }

  async #token(signal: AbortSignal): Promise<string> {
    const { token: given } = this.#options;
    const token = typeof given === 'string' ? given : await withinTime(signal, given);
    // Here, as the error of fetch would show it.
    if (!TOKEN.test(token)) throw new NotAuthenticatedError('the token has characters that tokens do not have');
    return token;
  }
}

function withinTime<Value>(signal: AbortSignal, give: () => Value | Promise<Value>): Promise<Value> {
  const timeOver = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('no token was given in time')), { once: true });
  });
  return Promise.race([Promise.resolve().then(give), timeOver]);
}

/** Seconds or a date, which is compared with the server's own clock [RFC 9110, 10.2.3]. */
function retryAfterMs(headers: Headers): number {
  const value = headers.get('retry-after') ?? '';
  if (/^\d+$/u.test(value)) return Number(value) * 1_000;
  const waitMs = Date.parse(value) - (Date.parse(headers.get('date') ?? '') || Date.now());
  return Number.isFinite(waitMs) ? Math.max(waitMs, 0) : 0;
}

function parseJson(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function detailIn(body: unknown): string {
  const detail: unknown = Reflect.get(Object(body), 'detail');
  return typeof detail === 'string' ? detail : 'no reason given';
}
