/** What a stream is and how it ends, as every side of stream sessions sees it. Times are the server's, RFC 3339. */

/** Of ids of users, streams, devices, contents and requests, of types of devices and of plans. In UTF-16, as JavaScript counts. */
export const MAX_SESSION_ID_LENGTH = 255;
/** No store keeps a lone surrogate, and nobody can read a control character. */
const UNFIT_FOR_IDS = /[\p{Cc}\p{Cs}\uFFFE\uFFFF]/u;

export function isSessionId(value: unknown): value is string {
  return (
    typeof value === 'string' && value.length > 0 && value.length <= MAX_SESSION_ID_LENGTH && !UNFIT_FOR_IDS.test(value)
  );
}

/** What an id must be, for messages to people. */
export const SESSION_ID_FORM = `a text of 1 to ${MAX_SESSION_ID_LENGTH} characters without control characters or lone surrogates`;

/**
 * Who keeps a stream alive. `direct`: its player beats, and each beat reaches the account. `watched`: a gateway sees the
 * beats, passes few of them on and reports a silent player as lost. `counted`: nobody beats; every acquire of the same
 * stream id takes one more slot and every release frees one (Sigma Stream's API).
 */
export type StreamMode = 'direct' | 'watched' | 'counted';

/** What made room, or who ended it. */
export type Evictor =
  | { readonly kind: 'operator'; readonly by?: string; readonly reason?: string }
  | { readonly kind: 'stream'; readonly streamId: string; readonly deviceId: string; readonly deviceType?: string };

/** Why a stream is over. */
export type StreamEnd =
  | { readonly reason: 'expired' }
  | { readonly reason: 'released' }
  | { readonly reason: 'evicted'; readonly evictor: Evictor };

/** An active stream, as its players and their services see it. */
export interface ActiveStream {
  readonly streamId: string;
  readonly deviceId: string;
  readonly deviceType?: string;
  readonly contentId?: string;
  readonly mode: StreamMode;
  /** Slots it takes: above 1 only when `counted`. */
  readonly slots: number;
  readonly startedAt: string;
  /** From how many addresses its players came lately, where these are several: told by gateways. */
  readonly addresses?: number;
  /** Evicted with a hand-off grace: plays on until then, takes no slot any more, and beats no longer extend it. */
  readonly ending?: { readonly at: string; readonly end: StreamEnd };
}

/** An active stream as its account sees it, for whoever speaks to the account itself. */
export interface StreamView extends ActiveStream {
  /** Life without a message to the account, milliseconds. What a gateway watches ends long before, see {@link StreamMode}. */
  readonly leaseMs: number;
  readonly leaseEndsAt: string;
}

/** What is told beyond those who speak to the account: an account's lease is nothing that a player has to keep to. */
export function toActiveStream(stream: ActiveStream & Partial<StreamView>): ActiveStream {
  const { leaseMs: _leaseMs, leaseEndsAt: _leaseEndsAt, ...active } = stream;
  return active;
}

/**
 * How long a stream lasts without a beat, or for the rest of its hand-off, milliseconds: by the clock of its account alone.
 *
 * @param at when the account said so; the begin of the lease when left out
 */
export function timeLeft({ leaseMs, leaseEndsAt, ending }: StreamView, at?: string): number {
  const leaseEndMs = Date.parse(leaseEndsAt);
  const endMs = ending ? Math.min(Date.parse(ending.at), leaseEndMs) : leaseEndMs;
  return Math.max(0, endMs - (at === undefined ? leaseEndMs - leaseMs : Date.parse(at)));
}

/** A stream that is over and still remembered. */
export interface EndedStream {
  readonly streamId: string;
  readonly deviceId: string;
  readonly endedAt: string;
  readonly end: StreamEnd;
}

/** A sentence on the end, for operators and logs. */
export function describeEnd(end: StreamEnd): string {
  if (end.reason !== 'evicted') return end.reason;
  const { evictor } = end;
  if (evictor.kind === 'stream') return `evicted by device ${evictor.deviceId} (stream ${evictor.streamId})`;
  const because = evictor.reason === undefined ? '' : `: ${evictor.reason}`;
  return `evicted by ${evictor.by ?? 'an operator'}${because}`;
}
