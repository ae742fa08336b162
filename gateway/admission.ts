import type { Guard, TokenAccess } from './guard.ts';
import type { GatewayMetrics } from './metrics.ts';
import { allowedOrigin } from './offered-methods.ts';
import type { Problem } from './problem.ts';
import { toProblem } from './to-problem.ts';

/** What a proxy in front asks before it lets a request through (`auth_request` of nginx), on the admin listener. */
export interface AdmissionRequest {
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  readonly remoteAddress: string | undefined;
}

export interface AdmissionAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

const ROUTE = '/internal/admission';
/** Where a token is needed, and for what; the gateway asks for it anyway, this only spares it the request. */
const TOKEN_PATHS = /^\/(v1|stream)\//;
const OPERATOR_PATHS = /^\/v1\/blacklist(?:[/?]|$)/;
const BEAT_PATHS = /^[^?]*\/heartbeats?\/?(?:\?|$)/;
/** All that `auth_request` of nginx passes on as it is. */
const REFUSALS: readonly number[] = [401, 403];

/**
 * 204, or 401 or 403 with the code and the body of the problem in headers, for a 429 as well. It only looks: the request itself
 * is counted when it comes.
 *
 * @param origins whose pages may read answers, also those that the proxy words
 */
export async function previewAdmission(
  guard: Guard,
  metrics: GatewayMetrics,
  { rawHeaders, remoteAddress }: AdmissionRequest,
  origins: readonly string[],
): Promise<AdmissionAnswer> {
  const startedMs = performance.now();
  const headers = headersOf(rawHeaders);
  const from = guard.addressOf({ raw: { socket: { remoteAddress }, headers: Object.fromEntries(headers) } });
  const answer = await guard.preview(from, accessTo(headers.get('x-original-uri') ?? ''), rawHeaders).then(
    (): AdmissionAnswer => ({ status: 204, headers: {} }),
    (error: unknown) => refusal(toProblem(error), headers.get('x-request-id'), metrics),
  );
  metrics.request('GET', ROUTE, answer.status, (performance.now() - startedMs) / 1_000);
  const origin = allowedOrigin(origins, headers.get('origin'));
  if (origin === undefined) return answer;
  return { ...answer, headers: { ...answer.headers, 'access-control-allow-origin': origin } };
}

function accessTo(uri: string): TokenAccess | 'open' {
  if (!TOKEN_PATHS.test(uri)) return 'open';
  if (OPERATOR_PATHS.test(uri)) return 'operator';
  return BEAT_PATHS.test(uri) ? 'beat' : 'token';
}

function refusal(problem: Problem, requestId = 'none', metrics: GatewayMetrics): AdmissionAnswer {
  metrics.problem(problem.code);
  return {
    status: REFUSALS.includes(problem.status) || problem.status >= 500 ? problem.status : 403,
    headers: {
      ...problem.headers,
      'x-admission-code': problem.code,
      'x-admission-problem': asciiJson(problem.toBody(requestId)),
    },
  };
}

/** Those that come several times are joined, as a list. */
function headersOf(rawHeaders: readonly string[]): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? '';
    const [value = '', before] = [rawHeaders[index + 1], headers.get(name)];
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return headers;
}

/** JSON that a header can hold. */
function asciiJson(body: unknown): string {
  return JSON.stringify(body).replaceAll(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
