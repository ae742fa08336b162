import type { StreamGone } from '../../client/session-errors.ts';
import type { StreamRef } from '../../contracts/sessions/stream-sessions.ts';

export type { StreamRef };

/** One text for each stream, by which stores know it. */
export function keyOf({ userId, streamId }: StreamRef): string {
  return JSON.stringify([userId, streamId]);
}

/** What a gateway must know of a stream to answer its beats alone. Durations in milliseconds. */
export interface WatchedStream extends StreamRef {
  readonly deviceId: string;
  readonly contentId?: string;
  /** Silence after which its player counts as lost. */
  readonly silenceMs: number;
  readonly heartbeatIntervalMs: number;
  /** How often a beat is passed on to the account, so that the long lease there is kept up. */
  readonly forwardEveryMs: number;
}

/** What became of a beat. */
export type BeatOutcome =
  | {
      readonly state: 'alive';
      readonly stream: WatchedStream;
      /** Until it ends without another beat, or at the end of a hand-off. */
      readonly expiresInMs: number;
      /** This beat is the one to pass on to the account; told to one caller only. */
      readonly forward: boolean;
      /** Evicted, and playing on for the rest of a hand-off. */
      readonly ending?: StreamGone;
    }
  | { readonly state: 'over'; readonly end: StreamGone }
  /** The shared store is away, and this gateway has heard of the stream itself: the account is to be told, and knows better. */
  | {
      readonly state: 'unshared';
      readonly stream: WatchedStream;
      readonly expiresInMs: number;
      /** How long its account keeps it without this beat, by what it was told from here; 0 or less where nobody knows. */
      readonly keptForMs: number;
    }
  /** It is alive on another device than the caller's; nothing was recorded. */
  | { readonly state: 'otherDevice' }
  /** The account decides: it is being told that the stream was silent for too long, or may not have it any more. */
  | { readonly state: 'told' }
  /** Never seen, or forgotten: the account knows. */
  | {
      readonly state: 'unknown';
      /** The store lost its data and the account was not read since, so that a stream of it may well play. */
      readonly recovering: boolean;
    };

/** What a sweep found. */
export interface Sweep {
  /** Streams whose players were silent for too long: to be reported to their accounts. */
  readonly silent: readonly StreamRef[];
  /** Accounts that did not answer a recovery, by user: to be read now. */
  readonly unread: readonly string[];
  /** The store does not know which streams there are, because it is new or lost its data. */
  readonly mustRecover: boolean;
}

/**
 * Who beats, shared by all gateways that share the store. Every decision is one atomic step and uses the clock of the store,
 * so gateways need not agree on the time. A stream goes from expected to watched to over; over is final until it is expected
 * anew.
 */
export interface BeatStore {
  /**
   * Before an acquire is sent: whatever becomes of the answer, the stream is reported lost after `silenceMs` unless it is
   * confirmed. Leaves a watched one as it is.
   */
  expect(stream: StreamRef, silenceMs: number): Promise<void>;
  /** The acquire was granted. No effect on a stream that ended since it was expected. */
  confirm(stream: WatchedStream): Promise<void>;
  /** The acquire was refused, or the account knows of no such stream. No effect on a watched one. */
  cancel(stream: StreamRef): Promise<void>;
  /** @param deviceId whose beat it must be; any when left out */
  beat(stream: StreamRef, deviceId?: string): Promise<BeatOutcome>;
  /** A beat could not be passed on: the next one shall be. */
  forwardAgain(stream: StreamRef): Promise<void>;
  /** The stream is over, or will be in `inMs`; beats are answered with the reason for as long as ends are remembered. */
  end(stream: StreamRef, end: StreamGone, inMs?: number): Promise<void>;
  /** The account had it alive when it was asked: watches it from now on, unless it is known to beat or to be over. */
  discover(stream: WatchedStream, forwardInMs: number): Promise<void>;
  /**
   * It beat, as its account knows: watches it from now on also where it was taken for silent, but not where it is over.
   *
   * @param silentInMs when it is silent without another beat: what is left of its silence, where it beat before; default: all of it
   */
  adopt(stream: WatchedStream, forwardInMs: number, silentInMs?: number): Promise<void>;
  /**
   * Finds streams that were silent for too long, and accounts that are to be read: of either at most so many. Each is handed
   * to one caller, and to another one after 10 s unless it is ended, adopted, read or claimed anew by then. A stream that
   * beats before its account is told goes on. For `graceMs` after a pause of the sweeps no stream is found: nobody heard beats.
   */
  sweep(most: number): Promise<Sweep>;
  /** The caller is about to tell their account of these. @returns those of them that are still silent */
  tell(streams: readonly StreamRef[]): Promise<readonly StreamRef[]>;
  /** The caller goes on reporting these silent streams: nobody else is handed them for the next 10 s, or `forMs`. */
  claim(streams: readonly StreamRef[], forMs?: number): Promise<void>;
  /** The next beats of all streams of these accounts are left to their accounts. @returns how many streams */
  doubt(userIds: ReadonlySet<string>): Promise<number>;
  /** These accounts gave no answer: they are to be read in `inMs`, and their streams may play until then. */
  readLater(userIds: readonly string[], inMs: number): Promise<void>;
  /** All streams of the account are in the store. */
  noteRead(userId: string): Promise<void>;
  /** Accounts that are to be read later. */
  unread(): Promise<number>;
  /**
   * One gateway at a time recovers. What it recovers is the epoch that began with the last loss of data or the last
   * {@link requireRecovery}.
   *
   * @returns whether it is the caller
   */
  beginRecovery(): Promise<boolean>;
  /** Whoever recovers says so every few seconds; 10 s after the last time, somebody else may begin. */
  renewRecovery(): Promise<void>;
  /** Without effect where another epoch began since this caller began: that one is to be recovered as well. */
  endRecovery(): Promise<void>;
  /** It could not be done: another caller may begin. */
  giveUpRecovery(): Promise<void>;
  /** Something may have gone unrecorded, in an outage of the store: a new epoch, which the next sweeps ask to recover. */
  requireRecovery(): Promise<void>;
  /** Those of the streams that the store does not know. */
  unknown(streams: readonly StreamRef[]): Promise<readonly StreamRef[]>;
  /** Streams watched or expected. */
  size(): Promise<number>;
}

export interface BeatStoreOptions {
  /** Longest silence of any stream, milliseconds: how long nothing ends after a pause of the sweeps. */
  readonly graceMs: number;
  /** How long ends are remembered, milliseconds. */
  readonly rememberEndsMs: number;
}

/** Reports of lost players are handed out anew after this. */
export const CLAIM_MS = 10_000;
/** Sweeps come every second; when they did not for so long, beats may have gone unheard. */
export const SWEEP_GAP_MS = 5_000;
/** A gateway that recovers and says no more is taken for dead after this. */
export const RECOVERY_MS = 10_000;
