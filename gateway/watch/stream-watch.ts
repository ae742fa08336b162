import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import {
  InvalidSessionRequestError,
  RequestMismatchError,
  SessionsUnavailableError,
  StreamEndedError,
  StreamIdTakenError,
  StreamLimitReachedError,
  type StreamGone,
} from '../../client/session-errors.ts';
import type { AcquireOptions, BeatAnswer, ContentSwitched, Granted, SessionsClient } from '../../client/sessions.ts';
import type { SessionPolicy } from '../../contracts/sessions/session-limits.ts';
import { timeLeft, type EndedStream, type StreamView } from '../../contracts/sessions/session-stream.ts';
import type { EvictReply, EvictRequest, SessionsView } from '../../contracts/sessions/stream-sessions.ts';
import type { BlacklistSubjects } from '../blacklist/blacklist.ts';
import { evictionFor, type Block } from '../blacklist/block.ts';
import { StoreUnavailableError } from '../redis/connection.ts';
import { AccountCalls } from './account-calls.ts';
import { AccountLookup, withinTime } from './account-lookup.ts';
import type { BeatOutcome, BeatStore, StreamRef, WatchedStream } from './beat-store.ts';
import { SharedQuestion } from './shared-question.ts';
import { watchTimes } from './watch-times.ts';
import { adoptStream, discoverStream, endOf, isWatched, toWatchedStream } from './watched-stream.ts';

/** An acquire may be under way for so long before its stream counts as lost. */
const ACQUIRE_TIME_MS = 15_000;
/** Of the silence: an account that was told so lately that it keeps the stream for that much need not be told at once. */
const KEPT_SHARE = 2 / 3;
/** A beat waits so long for an account that need not be heard before the player may go on; less than a client would. */
const KEEP_PLAYING_MS = 600;

type Unshared = Extract<BeatOutcome, { readonly state: 'unshared' }>;

export interface StreamWatchOptions {
  readonly sessions: SessionsClient;
  readonly store: BeatStore;
  readonly policy: () => SessionPolicy;
  /** How long a beat waits for its account to be read. */
  readonly patienceMs: number;
  /** The block that holds for a user or device: its streams end with their next beats. */
  readonly blockOf?: (subjects: BlacklistSubjects) => Block | undefined;
  readonly logger: Pick<Logger, 'warn'>;
  /** Told each time the store did not answer and the account was asked, or the record left out, instead. */
  readonly onDegraded?: () => void;
  /** Told of each beat that was answered before anybody knew of its stream. */
  readonly onUnconfirmed?: () => void;
  readonly nowMs?: () => number;
}

/** A beat came for a stream of another device than the caller may speak for. */
export class OtherDeviceError extends Error {
  override readonly name = 'OtherDeviceError';
}

/** A stream that is alive, as far as it is known. */
export interface Alive {
  /** Unproven, only its ids where neither store nor account could tell of it in time: its player goes on, but nothing proves its slot. */
  readonly stream: StreamRef & Partial<Pick<WatchedStream, 'deviceId' | 'contentId'>>;
  readonly expiresInMs: number;
  readonly heartbeatIntervalMs: number;
  /** It was evicted and plays on until `expiresInMs` are over. */
  readonly ending?: StreamGone;
  /** Nobody who could be asked in time knows that its slot is kept for it; it plays on all the same. */
  readonly unproven?: true;
}

/**
 * Streams whose players beat here. Accounts decide who may play; this knows who is alive, so that a beat costs no call to
 * Temporal. What the store does not know, the account is asked, which leaves no history; what the store cannot record because it
 * is away, the account is told. Calls that beats and lost players cause are bounded, and one for all streams of an account. All
 * methods throw what `SessionsClient` throws.
 */
export class StreamWatch {
  readonly #options: StreamWatchOptions;
  readonly #nowMs: () => number;
  readonly #calls: AccountCalls;
  readonly #lookup: AccountLookup;
  /** Passes on beats of an account, and notes what it says of them. */
  readonly #beats: SharedQuestion<string, ReadonlyMap<string, BeatAnswer>>;
  /** Tells an account of its lost players. Answers the ids of those that were still silent when its turn came. */
  readonly #losses: SharedQuestion<string, ReadonlySet<string>>;
  readonly #forwarding = new Set<Promise<void>>();

  constructor(options: StreamWatchOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    const { sessions, store, patienceMs, policy, logger } = options;
    const calls = new AccountCalls({ logger });
    this.#calls = calls;
    this.#beats = new SharedQuestion(
      (userId, ids) => this.#tellBeats(userId, [...ids]),
      (userId, call) => calls.run(userId, call, true),
    );
    this.#losses = new SharedQuestion(
      (userId, ids) => this.#tellLosses(userId, [...ids]),
      (userId, call) => calls.run(userId, call, true),
    );
    this.#lookup = new AccountLookup({
      sessions,
      patienceMs,
      calls,
      adopt: (userId, stream) => this.#record(() => discoverStream(store, userId, stream, policy())),
      onRead: (userId) => this.#record(() => store.noteRead(userId)),
    });
  }

  /** Reads accounts and brings their streams into the store: for a recovery. */
  get accounts(): Pick<AccountLookup, 'list' | 'journal'> {
    return this.#lookup;
  }

  /** Accounts that did not answer when they were called last, though others did. */
  get unresponsive(): number {
    return this.#calls.unresponsive;
  }

  async acquire(userId: string, request: AcquireOptions): Promise<Granted> {
    const { sessions, store, policy } = this.#options;
    const { silenceMs } = watchTimes(policy());
    const ref = { userId, streamId: request.streamId ?? randomUUID() };
    await this.#record(() => store.expect(ref, ACQUIRE_TIME_MS + silenceMs));
    let granted: Granted;
    try {
      granted = await sessions.acquire(userId, { ...request, streamId: ref.streamId, mode: 'watched' });
    } catch (error) {
      if (error instanceof StreamEndedError) await this.#note({ userId, streamId: error.streamId }, error.end);
      else if (isRefusal(error)) await this.#record(() => store.cancel(ref));
      // Without an answer it may have been granted: then it is found silent, or a retry is granted it again.
      throw error;
    }
    const { stream } = granted;
    // A repeated request id is answered with the stream it made, whatever id was asked for.
    if (stream.streamId !== ref.streamId || !isWatched(stream)) await this.#record(() => store.cancel(ref));
    if (isWatched(stream)) await this.#record(() => store.confirm(toWatchedStream(userId, stream, policy())));
    const nowMs = Date.parse(stream.leaseEndsAt) - stream.leaseMs;
    await Promise.all(granted.evicted.map((ended) => this.#noteEnded(userId, ended, nowMs)));
    // One that is handed off ends when that does, whoever asks again.
    return stream.mode === 'watched' ? { ...granted, expiresInMs: Math.min(granted.expiresInMs, silenceMs) } : granted;
  }

  /**
   * @param deviceId whose beat it must be; any when left out
   * @throws StreamEndedError when the stream is over or unknown, or its user or device is blocked, which ends it
   * @throws OtherDeviceError
   */
  async heartbeat(userId: string, streamId: string, deviceId?: string): Promise<Alive> {
    const ref = { userId, streamId };
    const alive = await this.#beat(ref, deviceId);
    const device = alive.stream.deviceId ?? deviceId;
    const block = this.#options.blockOf?.({ user: userId, ...(device === undefined ? {} : { device }) });
    return block ? await this.#endBlocked(ref, block) : alive;
  }

  /** @throws StreamLimitReachedError, StreamEndedError, StreamIdTakenError */
  async switchContent(alive: Alive, contentId: string): Promise<Alive & Pick<ContentSwitched, 'evicted'>> {
    const { sessions, store, policy } = this.#options;
    const { userId, streamId } = alive.stream;
    const { stream, evicted } = await sessions.switchContent(userId, streamId, contentId);
    if (stream && isWatched(stream)) await this.#record(() => store.confirm(toWatchedStream(userId, stream, policy())));
    const nowMs = stream === undefined ? Infinity : Date.parse(stream.leaseEndsAt) - stream.leaseMs;
    await Promise.all(evicted.map((ended) => this.#noteEnded(userId, ended, nowMs)));
    const known = stream === undefined ? alive.stream : toWatchedStream(userId, stream, policy());
    return { ...alive, stream: { ...known, contentId }, evicted };
  }

  async release(userId: string, streamId: string): Promise<void> {
    await this.#options.sessions.release(userId, { streamId, byWatcher: true });
    await this.#note({ userId, streamId }, { reason: 'released' });
  }

  async evict(userId: string, request: EvictRequest): Promise<EvictReply> {
    const reply = await this.#options.sessions.evict(userId, request);
    await Promise.all(reply.evicted.map(({ streamId, end }) => this.#note({ userId, streamId }, end)));
    return reply;
  }

  async list(userId: string): Promise<SessionsView> {
    return await this.#options.sessions.list(userId);
  }

  /** For gateways that do not reach the store. @throws StoreUnavailableError where this one does not either */
  async unknownStreams(streams: readonly StreamRef[]): Promise<readonly StreamRef[]> {
    return await this.#options.store.unknown(streams);
  }

  /** The account tells of streams that ended otherwise. @throws StoreUnavailableError: it must tell again */
  async streamsEnded(userId: string, ends: readonly EndedStream[]): Promise<void> {
    for (const { streamId, end } of ends) await this.#options.store.end({ userId, streamId }, end);
  }

  /** Beats on their way to accounts are delivered; what waits for its turn is given up. */
  async close(): Promise<void> {
    this.#calls.close();
    await Promise.all(this.#forwarding);
  }

  /**
   * No beat of it was recorded for so long that its player counts as lost, unless the account heard of it by another way: from
   * a gateway that cannot reach the store.
   *
   * @returns whether it is over
   */
  async reportSilent(ref: StreamRef): Promise<boolean> {
    const { userId, streamId } = ref;
    const told = await this.#losses.ask(userId, streamId);
    if (!told.has(streamId)) return false;
    const askedAtMs = this.#nowMs();
    const account = await this.#lookup.list(userId);
    const stream = account.active.find((other) => other.streamId === streamId);
    if (stream && isWatched(stream)) {
      await this.#adopt(userId, stream, { at: account.at, askedForMs: this.#nowMs() - askedAtMs });
      return false;
    }
    const end = endOf(account, streamId);
    if (end) await this.#note(ref, end);
    else await this.#record(() => this.#options.store.cancel(ref));
    return end !== undefined;
  }

  async #beat(ref: StreamRef, deviceId: string | undefined): Promise<Alive> {
    const { store } = this.#options;
    const outcome = await this.#record(() => store.beat(ref, deviceId));
    // Where the beat could not be recorded, or may come too late, the account is told of it: others may report a silence.
    if (!outcome || outcome.state === 'told') return await this.#orKeepPlaying(ref, this.#passOnOf(ref, deviceId));
    if (outcome.state === 'otherDevice') throw new OtherDeviceError();
    if (outcome.state === 'unknown') {
      const found = this.#lookUp(ref, deviceId);
      // While nobody knows which streams there are, this is most likely one of them: its account is read as soon as can be.
      return await (outcome.recovering ? this.#orKeepPlaying(ref, found) : found);
    }
    if (outcome.state === 'over') throw new StreamEndedError(ref.streamId, outcome.end);
    if (outcome.state === 'unshared') return await this.#unshared(ref, outcome);
    const { stream, expiresInMs, ending } = outcome;
    if (outcome.forward) this.#forward(ref);
    return { stream, expiresInMs, heartbeatIntervalMs: stream.heartbeatIntervalMs, ...(ending ? { ending } : {}) };
  }

  /** When the account cannot be told, the player is: it stops, or beats again and is told again. */
  async #endBlocked({ userId, streamId }: StreamRef, block: Block): Promise<never> {
    const eviction = evictionFor(block);
    try {
      await this.evict(userId, { streamIds: [streamId], ...eviction });
    } catch (error) {
      this.#options.logger.warn({ error: String(error), userId, streamId }, 'a blocked stream could not be ended yet');
    }
    throw new StreamEndedError(streamId, { reason: 'evicted', evictor: { kind: 'operator', ...eviction } });
  }

  async #tellLosses(userId: string, streamIds: readonly string[]): Promise<ReadonlySet<string>> {
    const { sessions, store, policy } = this.#options;
    const told = await store.tell(streamIds.map((streamId) => ({ userId, streamId })));
    if (told.length === 0) return new Set();
    // All of what a beat is answered with: its player may rely on it, whoever told the account of the beat.
    const { silenceMs: silentMs } = watchTimes(policy());
    await sessions.release(
      userId,
      told.map(({ streamId }) => ({ streamId, lost: true, silentMs })),
    );
    return new Set(told.map(({ streamId }) => streamId));
  }

  async #tellBeats(userId: string, streamIds: readonly string[]): Promise<ReadonlyMap<string, BeatAnswer>> {
    const askedAtMs = this.#nowMs();
    const answers = await this.#options.sessions.heartbeat(userId, streamIds);
    for (const answer of answers) {
      if (!answer.alive) await this.#noteGone({ userId, streamId: answer.streamId }, answer.end);
      else if (answer.stream && isWatched(answer.stream))
        await this.#adopt(userId, answer.stream, { askedForMs: this.#nowMs() - askedAtMs });
    }
    return new Map(answers.map((answer) => [answer.streamId, answer]));
  }

  /** The account was not heard in time, and may well have the stream: its player goes on until the next beat. */
  async #orKeepPlaying(ref: StreamRef, asked: Promise<Alive>): Promise<Alive> {
    const { policy, onUnconfirmed } = this.#options;
    const { silenceMs: expiresInMs, heartbeatIntervalMs } = watchTimes(policy());
    const alive = await this.#inTime(asked, { stream: ref, expiresInMs, heartbeatIntervalMs, unproven: true });
    if (alive.unproven) onUnconfirmed?.();
    return alive;
  }

  /**
   * A beat that other gateways cannot hear of: the account is told, and its answer holds if it comes soon, else what the account was
   * told before. When accounts have enough to answer, those that were told lately are not.
   */
  async #unshared(ref: StreamRef, { stream, expiresInMs, keptForMs }: Unshared): Promise<Alive> {
    this.#options.onDegraded?.();
    const { heartbeatIntervalMs, silenceMs } = stream;
    const heardHere: Alive =
      keptForMs < heartbeatIntervalMs
        ? { stream, heartbeatIntervalMs, expiresInMs, unproven: true }
        : { stream, heartbeatIntervalMs, expiresInMs: Math.min(expiresInMs, keptForMs) };
    if (keptForMs > KEPT_SHARE * silenceMs && this.#calls.waiting > 0) return heardHere;
    const alive = await this.#inTime(this.#passOn(ref), heardHere);
    if (alive.unproven) this.#options.onUnconfirmed?.();
    return alive;
  }

  /** @returns `otherwise` when the account does not answer within a time that a player can wait; it is asked all the same */
  async #inTime(asked: Promise<Alive>, otherwise: Alive): Promise<Alive> {
    try {
      return await withinTime(Math.min(KEEP_PLAYING_MS, this.#options.patienceMs), 'heartbeat', asked);
    } catch (error) {
      if (error instanceof SessionsUnavailableError) return otherwise;
      throw error;
    }
  }

  async #lookUp(ref: StreamRef, deviceId: string | undefined): Promise<Alive> {
    const account = await this.#lookup.ask(ref);
    if (deviceId !== undefined) requireDeviceOf(account, ref.streamId, deviceId);
    const stream = account.active.find(({ streamId }) => streamId === ref.streamId);
    if (stream?.mode === 'direct') return await this.#passOn(ref);
    if (stream) return this.#describe(ref, stream, timeLeft(stream, account.at));
    const end = endOf(account, ref.streamId) ?? { reason: 'unknown' };
    await this.#noteGone(ref, end);
    throw new StreamEndedError(ref.streamId, end);
  }

  /** Only for its own device, where the caller is bound to one. */
  async #passOnOf(ref: StreamRef, deviceId: string | undefined): Promise<Alive> {
    if (deviceId !== undefined) requireDeviceOf(await this.#lookup.list(ref.userId), ref.streamId, deviceId);
    return await this.#passOn(ref);
  }

  async #passOn(ref: StreamRef): Promise<Alive> {
    const answers = await this.#track(this.#beats.ask(ref.userId, ref.streamId));
    const answer = answers.get(ref.streamId);
    if (answer?.alive && answer.stream) return this.#describe(ref, answer.stream, answer.expiresInMs);
    throw new StreamEndedError(ref.streamId, answer && !answer.alive ? answer.end : { reason: 'unknown' });
  }

  async #noteGone(ref: StreamRef, end: StreamGone): Promise<void> {
    // An unknown one may be acquired by other ways at any time.
    if (end.reason !== 'unknown') await this.#note(ref, end);
  }

  /** @param leftMs how long it lasts in its account */
  #describe({ userId }: StreamRef, stream: StreamView, leftMs: number): Alive {
    const watched = toWatchedStream(userId, stream, this.#options.policy());
    const { heartbeatIntervalMs } = watched;
    const expiresInMs = stream.mode === 'watched' ? Math.min(leftMs, watched.silenceMs) : leftMs;
    const ending = stream.ending ? { ending: stream.ending.end } : {};
    return { stream: watched, heartbeatIntervalMs, expiresInMs, ...ending };
  }

  /** In the background: the player need not wait for it. */
  #forward(ref: StreamRef): void {
    const { store, logger } = this.#options;
    const forward = async (): Promise<void> => {
      try {
        await this.#beats.ask(ref.userId, ref.streamId);
      } catch (error) {
        logger.warn({ error: String(error), ...ref }, 'a beat could not be passed on; the next one will be');
        await this.#record(() => store.forwardAgain(ref));
      }
    };
    void this.#track(forward());
  }

  /** To be done before this is closed. */
  async #track<Answer>(passedOn: Promise<Answer>): Promise<Answer> {
    const settled = passedOn.then(noop, noop);
    this.#forwarding.add(settled);
    try {
      return await passedOn;
    } finally {
      this.#forwarding.delete(settled);
    }
  }

  async #adopt(userId: string, stream: StreamView, heard: Parameters<typeof adoptStream>[4]): Promise<void> {
    const { store, policy } = this.#options;
    await this.#record(() => adoptStream(store, userId, stream, policy(), heard));
  }

  async #noteEnded(userId: string, { streamId, end, endedAt }: EndedStream, nowMs: number): Promise<void> {
    await this.#note({ userId, streamId }, end, Math.max(0, Date.parse(endedAt) - nowMs));
  }

  async #note(ref: StreamRef, end: StreamGone, inMs = 0): Promise<void> {
    await this.#record(() => this.#options.store.end(ref, end, inMs));
  }

  /** The account has decided or will; a store that is away only makes the next beats dearer, and is recovered when it is back. */
  async #record<Answer>(step: () => Promise<Answer>): Promise<Answer | undefined> {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      this.#options.onDegraded?.();
      return undefined;
    }
  }
}

function noop(): void {}

/** @throws OtherDeviceError */
function requireDeviceOf({ active }: SessionsView, id: string, device: string): void {
  if (active.some(({ streamId, deviceId }) => streamId === id && deviceId !== device)) throw new OtherDeviceError();
}

function isRefusal(error: unknown): boolean {
  return (
    error instanceof StreamLimitReachedError ||
    error instanceof StreamIdTakenError ||
    error instanceof RequestMismatchError ||
    error instanceof InvalidSessionRequestError
  );
}
