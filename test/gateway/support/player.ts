import { z } from 'zod';
import { token, type TokenOptions } from './gateways.ts';

/** An answer of the gateway, with its body read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Call {
  readonly method?: string;
  readonly body?: unknown;
  /** Instead of a body: as it is. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends requests of one caller to gateways, by the bare protocol. */
export class Caller {
  readonly #who: TokenOptions;
  #token: Promise<string> | undefined;

  constructor(who: TokenOptions) {
    this.#who = who;
  }

  async send(url: string, { method = 'GET', body, text, headers = {} }: Call = {}): Promise<Answer> {
    const sent = text ?? (body === undefined ? undefined : JSON.stringify(body));
    // Not before: one made while the files of all tests are loaded would be too old when its test comes.
    this.#token ??= token(this.#who);
    const response = await fetch(url, {
      method,
      headers: {
        authorization: `Bearer ${await this.#token}`,
        ...(sent === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(sent === undefined ? {} : { body: sent }),
    });
    const answer = await response.text();
    return { status: response.status, headers: response.headers, body: answer === '' ? {} : parse(answer) };
  }
}

/** A user's player at one gateway. */
export class Player {
  readonly userId: string;
  readonly #caller: Caller;
  readonly #url: string;

  constructor(gatewayUrl: string, userId: string, claims: Readonly<Record<string, unknown>> = {}) {
    this.userId = userId;
    this.#caller = new Caller({ subject: userId, claims });
    this.#url = `${gatewayUrl}/v1/users/${encodeURIComponent(userId)}`;
  }

  acquire(wish: Readonly<Record<string, unknown>> = {}, headers: Readonly<Record<string, string>> = {}) {
    return this.#caller.send(`${this.#url}/streams`, { method: 'POST', body: { deviceId: 'tv', ...wish }, headers });
  }

  beat(streamId: string) {
    return this.#caller.send(`${this.#url}/streams/${encodeURIComponent(streamId)}/heartbeat`, { method: 'POST' });
  }

  release(streamId: string) {
    return this.#caller.send(`${this.#url}/streams/${encodeURIComponent(streamId)}`, { method: 'DELETE' });
  }

  list() {
    return this.#caller.send(`${this.#url}/streams`);
  }

  evict(request: Readonly<Record<string, unknown>> = {}) {
    return this.#caller.send(`${this.#url}/evictions`, { method: 'POST', body: request });
  }
}

function parse(text: string): Readonly<Record<string, unknown>> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- answers of the gateway are objects
  return JSON.parse(text) as Readonly<Record<string, unknown>>;
}

const granted = z.looseObject({ stream: z.looseObject({ streamId: z.string() }) });
const listed = z.looseObject({ active: z.array(z.looseObject({ streamId: z.string() })) });

/** Of a grant. */
export function streamIdOf({ body }: Answer): string {
  return granted.parse(body).stream.streamId;
}

/** Of a list. */
export function activeIdsOf({ body }: Answer): string[] {
  return listed.parse(body).active.map(({ streamId }) => streamId);
}
