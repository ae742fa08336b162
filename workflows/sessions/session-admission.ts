import type { SessionCaps, SessionRules } from '../../contracts/sessions/session-limits.ts';
import type { AcquireRequest, Violation } from '../../contracts/sessions/stream-sessions.ts';

/** What the rules look at in a stream. */
export interface Occupant {
  readonly streamId: string;
  readonly deviceId: string;
  readonly deviceType?: string;
  readonly contentId?: string;
  readonly slots: number;
}

export type Verdict<Stream extends Occupant> =
  | { readonly admitted: true; readonly evict: readonly Stream[] }
  | { readonly admitted: false; readonly violation: Violation; readonly conflicts: readonly Stream[] };

/**
 * Decides whether one more slot may be taken. Pure: nothing ends here, and a refusal leaves everything as it is.
 *
 * @param streams those that take slots, oldest first
 * @param caps the ones that the plan of the request has
 */
export function judge<Stream extends Occupant>(
  rules: SessionRules,
  streams: readonly Stream[],
  request: AcquireRequest,
  caps: SessionCaps = capsOf(rules, request.plan),
): Verdict<Stream> {
  const first = firstViolation(caps, streams, request);
  if (!first) return { admitted: true, evict: [] };
  const refused = { admitted: false, violation: first.violation, conflicts: first.inTheWay } as const;
  if (rules.overLimit === 'refuseNewest') return refused;

  const named = new Set(request.evict);
  const evict = streams.filter(({ streamId }) => named.has(streamId) && streamId !== request.streamId);
  for (;;) {
    const rest = streams.filter((stream) => !evict.includes(stream));
    const violated = firstViolation(caps, rest, request);
    if (!violated) return { admitted: true, evict };
    const victim = chooseVictim(rules, violated.inTheWay, request);
    if (!victim) return refused;
    evict.push(victim);
  }
}

/** The caps of a plan: its own, one by one, before the general ones, also within the tables. */
export function capsOf(rules: SessionRules, plan: string | undefined): SessionCaps {
  const { caps } = rules;
  const own = plan === undefined ? undefined : entryOf(rules.plans, plan);
  if (!own) return caps;
  const deviceTypes = caps.deviceTypes && own.deviceTypes ? { ...caps.deviceTypes, ...own.deviceTypes } : undefined;
  const contents = caps.contents && own.contents ? { ...caps.contents, ...own.contents } : undefined;
  return { ...caps, ...own, ...(deviceTypes ? { deviceTypes } : {}), ...(contents ? { contents } : {}) };
}

/** As {@link capsOf} was at first: a table of the plan stood for all of the general one. */
export function firstCapsOf(rules: SessionRules, plan: string | undefined): SessionCaps {
  return { ...rules.caps, ...(plan === undefined ? undefined : entryOf(rules.plans, plan)) };
}

/** Whether a plan was named that the rules do not know, though they know some: it has the general caps. */
export function isUnknownPlan({ plans }: SessionRules, plan: string | undefined): boolean {
  return plans !== undefined && plan !== undefined && !Object.hasOwn(plans, plan);
}

function chooseVictim<Stream extends Occupant>(
  { overLimit }: SessionRules,
  inTheWay: readonly Stream[],
  request: AcquireRequest,
): Stream | undefined {
  // A further registration of a stream must not end the stream itself.
  const others = inTheWay.filter(({ streamId }) => streamId !== request.streamId);
  switch (overLimit) {
    case 'evictOldest':
      return others[0];
    case 'evictSameDevice':
      return others.find(({ deviceId }) => deviceId === request.deviceId);
    case 'refuseNewest':
    case 'evictNamed':
      return undefined;
  }
}

/** The narrow caps come first: a stream that ends for one of them makes room under the account's cap as well. */
function firstViolation<Stream extends Occupant>(
  caps: SessionCaps,
  streams: readonly Stream[],
  { deviceType, contentId }: AcquireRequest,
): { violation: Violation; inTheWay: readonly Stream[] } | undefined {
  const contentCap = contentId === undefined ? undefined : (entryOf(caps.contents, contentId) ?? caps.content);
  const deviceCap = deviceType === undefined ? undefined : entryOf(caps.deviceTypes, deviceType);
  const ofContent = streams.filter((stream) => stream.contentId === contentId);
  const ofDevice = streams.filter((stream) => stream.deviceType === deviceType);
  return (
    violationOf('content', contentId, contentCap, ofContent) ??
    violationOf('deviceType', deviceType, deviceCap, ofDevice) ??
    violationOf('account', undefined, caps.account, streams)
  );
}

function violationOf<Stream extends Occupant>(
  cap: Violation['cap'],
  key: string | undefined,
  limit: number | undefined,
  inTheWay: readonly Stream[],
): { violation: Violation; inTheWay: readonly Stream[] } | undefined {
  const active = slotsOf(inTheWay);
  if (limit === undefined || active < limit) return undefined;
  return { violation: { cap, ...(key === undefined ? {} : { key }), limit, active }, inTheWay };
}

export function slotsOf(streams: readonly Occupant[]): number {
  return streams.reduce((sum, { slots }) => sum + slots, 0);
}

/** Keys come from outside: `constructor` is a device type like any other. */
function entryOf<Value>(table: Readonly<Record<string, Value>> | undefined, key: string): Value | undefined {
  return table && Object.hasOwn(table, key) ? table[key] : undefined;
}
