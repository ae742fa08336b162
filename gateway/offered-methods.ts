import cors from '@fastify/cors';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { GatewayApp } from './app.ts';
import { Problem } from './problem.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'];
/** What players send beside what every page may. */
const REQUEST_HEADERS = ['authorization', 'content-type', 'idempotency-key', 'x-request-id'];
/** What a player reads beside the body. */
const ANSWER_HEADERS = ['retry-after', 'www-authenticate', 'x-request-id'];
/** How long a browser may go without asking again, seconds; no browser keeps an answer for longer. */
const PREFLIGHT_SECONDS = 7_200;
const NO_CONTENT = 204;

interface OfferedPath {
  readonly pattern: RegExp;
  readonly methods: Set<string>;
}

/** What `Access-Control-Allow-Origin` says to a page of the origin; undefined when it may read nothing. */
export function allowedOrigin(origins: readonly string[], origin: string | undefined): string | undefined {
  if (origins.includes('*')) return '*';
  return origin !== undefined && origins.includes(origin) ? origin : undefined;
}

/** Which methods each path has: answers OPTIONS, preflights of browsers among them, and what is not offered. */
export class OfferedMethods {
  readonly #paths = new Map<string, OfferedPath>();

  private constructor(app: GatewayApp) {
    app.addHook('onRoute', ({ url, method }) => {
      for (const each of [method].flat()) this.#add(url, each);
    });
  }

  /**
   * Before any route is registered: from then on, answers to pages of the origins carry what lets these read them, refusals too.
   *
   * @param origins such as `https://play.example`; `*` stands for all of them
   */
  static async watch(app: GatewayApp, origins: readonly string[]): Promise<OfferedMethods> {
    const offered = new OfferedMethods(app);
    // Tokens come in headers and never in cookies, so no page needs its browser's credentials here.
    await app.register(cors, {
      origin: [...origins],
      methods: METHODS,
      allowedHeaders: REQUEST_HEADERS,
      exposedHeaders: ANSWER_HEADERS,
      maxAge: PREFLIGHT_SECONDS,
      strictPreflight: false,
      // Which methods a path has is said as well, see {@link check}.
      preflightContinue: true,
    });
    return offered;
  }

  /** @throws Problem (`not-found`, `method-not-allowed`) */
  check(request: FastifyRequest, reply: FastifyReply): void {
    if (request.is404) throw this.problemOf(request);
    if (request.method === 'OPTIONS') void reply.code(NO_CONTENT).header('allow', this.#allow(request));
  }

  problemOf(request: FastifyRequest): Problem {
    const { method } = request;
    const path = pathOf(request);
    const methods = this.#methodsOf(path);
    if (methods.length === 0 || methods.includes(method)) return new Problem('not-found', `Path ${path} not found`);
    const headers = { allow: methods.join(', ') };
    return new Problem('method-not-allowed', `Method ${method} not allowed for path ${path}`, { headers });
  }

  #allow(request: FastifyRequest): string {
    const methods = this.#methodsOf(pathOf(request));
    if (methods.length === 0) throw this.problemOf(request);
    return methods.join(', ');
  }

  #methodsOf(path: string): readonly string[] {
    const found = [...this.#paths.values()].filter(({ pattern }) => pattern.test(path));
    if (found.length === 0) return [];
    return [...new Set([...found.flatMap(({ methods }) => [...methods]), 'OPTIONS'])];
  }

  #add(url: string, method: string): void {
    // The one that takes OPTIONS of every path.
    if (url === '*') return;
    const known = this.#paths.get(url) ?? { pattern: patternOf(url), methods: new Set() };
    known.methods.add(method);
    this.#paths.set(url, known);
  }
}

function pathOf({ url }: FastifyRequest): string {
  return url.split('?', 1)[0] ?? url;
}

/** Of a route's path, with its `:parameters` and a `*` at the end. */
function patternOf(url: string): RegExp {
  const parts = url.split('/').map((part) => {
    if (part.startsWith(':')) return '[^/]+';
    return part === '*' ? '.*' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('/')}$`);
}
