import type { StreamGone } from '../../../client/session-errors.ts';
import type { SessionAnswer, SessionCall, SessionOperation } from '../../sessions/support/session-model.ts';
import { capOf, type Plan } from './policy.ts';

/** A call from its sending to its answer, milliseconds on the clock of this process. */
export interface Span {
  readonly invokedAt: number;
  readonly returnedAt: number;
}

/** An answer by which a stream is alive. */
export interface AliveSpan extends Span {
  /** By which way it was asked. */
  readonly door: string;
  /** How long its slot is kept without another beat, from when it was asked, milliseconds; absent where nothing proves the slot. */
  readonly keptForMs?: number;
}

/** A stream as its player and the others saw it. Known by its device, which is its own, as the id may be the server's. */
export interface StreamStory {
  readonly device: string;
  /** All that the same idempotency key was answered with. */
  readonly streamIds: Set<string>;
  /** Grants and beats that were answered. */
  readonly alive: AliveSpan[];
  /** When its player was told that it is over. */
  told?: Span & { readonly end: StreamGone };
  /** Somebody sent a release, or an eviction, answered or not. */
  released: boolean;
  evicted: boolean;
  /** Its player beats, and means to go on. */
  playing: boolean;
}

/** What happened to one account, seen from outside. */
export class AccountRecord {
  readonly userId: string;
  readonly plan: Plan;
  readonly operations: SessionOperation[] = [];
  readonly streams = new Map<string, StreamStory>();
  /** Counts that went beyond the cap, in the gateway's own words. */
  readonly tooMany: string[] = [];
  readonly #deviceOf = new Map<string, string>();

  constructor(userId: string, plan: Plan) {
    this.userId = userId;
    this.plan = plan;
  }

  get cap(): number {
    return capOf(this.plan);
  }

  story(device: string): StreamStory {
    const known = this.streams.get(device);
    if (known) return known;
    const fresh = { device, streamIds: new Set<string>(), alive: [], released: false, evicted: false, playing: false };
    this.streams.set(device, fresh);
    return fresh;
  }

  /** A stream was seen in an answer. */
  see({ streamId, deviceId }: { readonly streamId: string; readonly deviceId: string }): string {
    this.#deviceOf.set(streamId, deviceId);
    return deviceId;
  }

  /** The device of a stream that an answer named; an unknown id stands for itself. */
  deviceOf(streamId: string): string {
    return this.#deviceOf.get(streamId) ?? streamId;
  }

  count(what: string, slots: number): void {
    if (slots > this.cap) this.tooMany.push(`${this.userId}: ${what} shows ${slots} of ${this.cap}`);
  }

  operate(input: SessionCall, output: SessionAnswer | undefined, { invokedAt, returnedAt }: Span): void {
    this.operations.push({ input, output, invokedAt, returnedAt: output ? returnedAt : Infinity });
  }
}
