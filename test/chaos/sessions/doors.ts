import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import {
  SessionsUnavailableError,
  StreamEndedError,
  StreamLimitReachedError,
  type StreamGone,
} from '../../../client/session-errors.ts';
import type { SessionsClient } from '../../../client/sessions.ts';
import type { StreamsOf } from '../../../client/sessions-client.ts';
import { answers, readEnd } from '../../../client/http-answers.ts';
import type { EvictReply } from '../../../contracts/sessions/stream-sessions.ts';
import type { ActiveStream, StreamMode } from '../../../contracts/sessions/session-stream.ts';
import { token } from '../../gateway/support/gateways.ts';
import type { Plan } from './policy.ts';

/** Who asks. */
export interface Subscriber {
  readonly userId: string;
  readonly plan: Plan;
}

export interface Wish {
  readonly key: string;
  readonly device: string;
  readonly streamId?: string;
  readonly evict?: readonly string[];
}

export type Acquired =
  | {
      readonly outcome: 'granted';
      readonly stream: { readonly streamId: string; readonly deviceId: string; readonly mode: StreamMode };
      readonly evicted: readonly string[];
      readonly active: number;
    }
  | { readonly outcome: 'refused'; readonly conflicts: readonly ActiveStream[]; readonly active: number }
  /** @property surely: the account itself said so, not a gateway that will tell it */
  | { readonly outcome: 'ended'; readonly end: StreamGone; readonly surely: boolean };

export type Beaten =
  /** @property keptForMs: as the answer proves; absent where it proves nothing, and its player is to play on */
  { readonly alive: true; readonly keptForMs?: number } | { readonly alive: false; readonly end: StreamGone };

/** A way to the sessions. Every call may end without an answer: undefined. */
export interface Door {
  readonly name: string;
  acquire(who: Subscriber, wish: Wish, patienceMs: number): Promise<Acquired | undefined>;
  beat(who: Subscriber, streamId: string): Promise<Beaten | undefined>;
  release(who: Subscriber, streamId: string): Promise<'done' | undefined>;
  evict(who: Subscriber, streamId: string): Promise<EvictReply | undefined>;
  list(who: Subscriber): Promise<Pick<StreamsOf<ActiveStream>, 'active' | 'slots'> | undefined>;
}

/** Answers by what was asked and what came: `acquire 201`. */
export class Tally {
  readonly counts = new Map<string, number>();
  /** Answers that nobody declared, in full. */
  readonly strange: string[] = [];

  count(what: string, outcome: string | number): void {
    const line = `${what} ${outcome}`;
    this.counts.set(line, (this.counts.get(line) ?? 0) + 1);
  }
}

const PATIENCE_MS = 3_500;
const beaten = z.looseObject({ lease: z.string().optional(), expiresInMs: z.number() });
const refusal = z.looseObject({ active: z.int(), conflicts: z.array(z.custom<ActiveStream>()) });

/** Through one gateway, by the bare protocol: what a client library would hide is to be seen. */
export class GatewayDoor implements Door {
  readonly name: string;
  readonly #url: string;
  readonly #tally: Tally;
  readonly #tokens = new Map<string, Promise<string>>();

  constructor(name: string, url: string, tally: Tally) {
    this.name = name;
    this.#url = url;
    this.#tally = tally;
  }

  async acquire(who: Subscriber, wish: Wish, patienceMs: number): Promise<Acquired | undefined> {
    const { key, device: deviceId, streamId, evict } = wish;
    const body = { deviceId, ...(streamId === undefined ? {} : { streamId }), ...(evict ? { evict } : {}) };
    const headers = { 'idempotency-key': key };
    const reply = await this.send(who, 'acquire', [201, 409, 410], { method: 'POST', body, headers, patienceMs });
    if (!reply) return undefined;
    if (reply.status === 410) return { outcome: 'ended', end: readEnd(reply.body), surely: false };
    if (reply.status === 409) {
      const refused = refusal.safeParse(reply.body);
      if (refused.success) return { outcome: 'refused', ...refused.data };
      this.#tally.strange.push(`${this.name} acquire 409: ${JSON.stringify(reply.body)}`);
      return undefined;
    }
    const { stream, evicted, active } = answers.granted.parse(reply.body);
    return { outcome: 'granted', stream, evicted: evicted.map(({ streamId }) => streamId), active };
  }

  async beat(who: Subscriber, streamId: string): Promise<Beaten | undefined> {
    const path = `/${streamId}/heartbeat`;
    const reply = await this.send(who, 'beat', [200, 410], { method: 'POST', path });
    if (!reply) return undefined;
    if (reply.status === 410) return { alive: false, end: readEnd(reply.body) };
    const { lease, expiresInMs } = beaten.parse(reply.body);
    if (lease === undefined) this.#tally.count('beat', 'without a lease');
    return lease === undefined ? { alive: true } : { alive: true, keptForMs: expiresInMs };
  }

  async release(who: Subscriber, streamId: string): Promise<'done' | undefined> {
    return (await this.send(who, 'release', [204], { method: 'DELETE', path: `/${streamId}` })) && 'done';
  }

  async evict(who: Subscriber, streamId: string): Promise<EvictReply | undefined> {
    const body = { streamIds: [streamId], by: 'chaos' };
    const reply = await this.send(who, 'evict', [200], { method: 'POST', collection: 'evictions', body });
    return reply && answers.evicted.parse(reply.body);
  }

  async list(who: Subscriber): Promise<StreamsOf<ActiveStream> | undefined> {
    const reply = await this.send(who, 'list', [200], {});
    return reply && answers.sessions.parse(reply.body);
  }

  /** @returns nothing without an answer, and for 503, and for 408 to a request that a busy machine sent late: they say the same */
  async send(
    who: Subscriber,
    what: string,
    declared: readonly number[],
    call: {
      readonly method?: string;
      readonly collection?: string;
      readonly path?: string;
      readonly url?: string;
      readonly body?: unknown;
      readonly headers?: Readonly<Record<string, string>>;
      readonly patienceMs?: number;
    },
  ): Promise<{ readonly status: number; readonly body: unknown } | undefined> {
    const { method = 'GET', collection = 'streams', path = '', body, headers = {}, patienceMs = PATIENCE_MS } = call;
    const url = `${this.#url}${call.url ?? `/v1/users/${who.userId}/${collection}${path}`}`;
    const authorization = `Bearer ${await this.#tokenOf(who)}`;
    try {
      const response = await fetch(url, {
        method,
        headers: { authorization, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(patienceMs),
      });
      const text = await response.text();
      const { status } = response;
      this.#tally.count(what, status);
      if (declared.includes(status)) return { status, body: text === '' ? undefined : JSON.parse(text) };
      if (status !== 503 && status !== 408)
        this.#tally.strange.push(`${this.name} ${what} ${status}: ${text.slice(0, 300)}`);
      // As its Retry-After asks, a little at least.
      await sleep(100);
    } catch (error) {
      this.#tally.count(what, error instanceof DOMException ? 'unanswered' : 'cut off');
    }
    return undefined;
  }

  #tokenOf({ userId, plan }: Subscriber): Promise<string> {
    const known = this.#tokens.get(userId);
    if (known) return known;
    const made = token({ subject: userId, claims: { plan }, expiresIn: '2h' });
    this.#tokens.set(userId, made);
    return made;
  }
}

/** Past the gateways, as a service that has the typed client. */
export class DirectDoor implements Door {
  readonly name = 'direct';
  readonly #sessions: SessionsClient;
  readonly #tally: Tally;

  constructor(sessions: SessionsClient, tally: Tally) {
    this.#sessions = sessions;
    this.#tally = tally;
  }

  async acquire({ userId, plan }: Subscriber, { key, device, ...rest }: Wish): Promise<Acquired | undefined> {
    const { evict, streamId } = rest;
    const wish = {
      deviceId: device,
      requestId: key,
      plan,
      ...(streamId === undefined ? {} : { streamId }),
      ...(evict ? { evict } : {}),
    };
    try {
      const granted = await this.#sessions.acquire(userId, wish);
      this.#tally.count('direct acquire', 'granted');
      return { ...granted, evicted: granted.evicted.map(({ streamId }) => streamId) };
    } catch (error) {
      if (error instanceof StreamLimitReachedError) {
        this.#tally.count('direct acquire', 'refused');
        return { outcome: 'refused', conflicts: error.conflicts, active: error.violation.active };
      }
      if (error instanceof StreamEndedError) return { outcome: 'ended', end: error.end, surely: true };
      return this.#unanswered('acquire', error);
    }
  }

  async beat({ userId }: Subscriber, streamId: string): Promise<Beaten | undefined> {
    const [answer] = (await this.#try('beat', this.#sessions.heartbeat(userId, streamId))) ?? [];
    return (
      answer && (answer.alive ? { alive: true, keptForMs: answer.expiresInMs } : { alive: false, end: answer.end })
    );
  }

  async release({ userId }: Subscriber, streamId: string): Promise<'done' | undefined> {
    return await this.#try(
      'release',
      this.#sessions.release(userId, streamId).then(() => 'done' as const),
    );
  }

  async evict({ userId }: Subscriber, streamId: string): Promise<EvictReply | undefined> {
    return await this.#try('evict', this.#sessions.evict(userId, { streamIds: [streamId], by: 'chaos' }));
  }

  async list({ userId }: Subscriber): Promise<StreamsOf<ActiveStream> | undefined> {
    return await this.#try('list', this.#sessions.list(userId));
  }

  async #try<Answer>(what: string, call: Promise<Answer>): Promise<Answer | undefined> {
    try {
      const answer = await call;
      this.#tally.count(`direct ${what}`, 'answered');
      return answer;
    } catch (error) {
      return this.#unanswered(what, error);
    }
  }

  #unanswered(what: string, error: unknown): undefined {
    this.#tally.count(`direct ${what}`, 'unanswered');
    if (!(error instanceof SessionsUnavailableError)) this.#tally.strange.push(`direct ${what}: ${String(error)}`);
    return undefined;
  }
}
