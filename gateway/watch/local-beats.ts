import type { StreamGone } from '../../client/session-errors.ts';
import { CLAIM_MS, keyOf, type StreamRef, type WatchedStream } from './beat-store.ts';

/** A stream as this gateway last heard of it. */
interface Heard {
  readonly ref: StreamRef;
  /** Absent while its acquire is under way. */
  readonly stream?: WatchedStream;
  readonly silentAtMs: number;
  /** When its account was last told of it from here: no later than it heard that. */
  readonly toldAtMs: number;
  /** When its acquire was about to be sent. */
  readonly askedAtMs?: number;
  /** `asked`: silent here, and others are asked. `found`: to be reported. `elsewhere`: another gateway has heard of it, or watches it. */
  readonly silent?: 'asked' | 'found' | 'elsewhere';
}

interface Ended {
  readonly ref: StreamRef;
  readonly end: StreamGone;
  /** Later for the rest of a hand-off. */
  readonly atMs: number;
}

/** How a stream goes on in the shared store; a silence below 0 is overdue. */
export interface Resumed {
  readonly ref: StreamRef;
  readonly stream?: WatchedStream;
  readonly silentInMs: number;
}

/** In intervals: beats that come on time are so far apart at most. */
const ON_TIME = 1.05;
const AWAITED_INTERVALS = 2.5;

/**
 * What this gateway heard itself of the streams whose players beat here, and which ends the shared store was not told of. Other gateways
 * may have heard of them later: it stands in for the shared store while that is away, and is nothing more.
 */
export class LocalBeats {
  readonly #streams = new Map<string, Heard>();
  readonly #ends = new Map<string, Ended>();
  readonly #rememberEndsMs: number;
  readonly #nowMs: () => number;

  constructor(rememberEndsMs: number, nowMs: () => number) {
    this.#rememberEndsMs = rememberEndsMs;
    this.#nowMs = nowMs;
  }

  expect(ref: StreamRef, silenceMs: number): void {
    const key = keyOf(ref);
    const askedAtMs = this.#nowMs();
    this.#ends.delete(key);
    const known = this.#streams.get(key);
    if (known?.stream) this.#streams.set(key, { ...known, askedAtMs });
    else this.#streams.set(key, { ref, silentAtMs: askedAtMs + silenceMs, toldAtMs: -Infinity, askedAtMs });
  }

  /** Its acquire was granted. */
  confirm(stream: WatchedStream): void {
    this.#hear(stream, stream.silenceMs, this.#streams.get(keyOf(stream))?.askedAtMs ?? this.#nowMs());
  }

  /** A beat of which its account was not told. */
  hear(stream: WatchedStream): void {
    this.#hear(stream, stream.silenceMs);
  }

  /** Of a stream that its account has: a beat was told there, or it was found silent here and is not lost. */
  adopt(stream: WatchedStream, silentInMs = stream.silenceMs): void {
    const key = keyOf(stream);
    const known = this.#streams.get(key);
    const silentAtMs = this.#nowMs() + silentInMs;
    if (known?.silent) this.#streams.set(key, { ...known, silentAtMs, silent: 'elsewhere' });
    else if (!known?.stream || known.silentAtMs <= silentAtMs)
      this.#hear(stream, silentInMs, silentAtMs - stream.silenceMs);
  }

  forget(ref: StreamRef): void {
    this.#streams.delete(keyOf(ref));
  }

  /** The shared store could not be told. */
  end(ref: StreamRef, end: StreamGone, inMs: number): void {
    const key = keyOf(ref);
    if (inMs <= 0) this.#streams.delete(key);
    this.#ends.set(key, { ref, end, atMs: this.#nowMs() + inMs });
  }

  /** Why it is over, where only this gateway may know. */
  endOf(ref: StreamRef): StreamGone | undefined {
    const ended = this.#ends.get(keyOf(ref));
    return ended && ended.atMs <= this.#nowMs() ? ended.end : undefined;
  }

  deviceOf(ref: StreamRef): string | undefined {
    return this.#streams.get(keyOf(ref))?.stream?.deviceId;
  }

  /** A beat that the shared store did not hear. @returns nothing for a stream that was not heard of here */
  beat(ref: StreamRef): { stream: WatchedStream; expiresInMs: number; keptForMs: number } | undefined {
    const key = keyOf(ref);
    const known = this.#streams.get(key);
    if (!known?.stream) return undefined;
    const { stream, toldAtMs } = known;
    const nowMs = this.#nowMs();
    this.hear(stream);
    const expiresInMs = Math.min(stream.silenceMs, (this.#ends.get(key)?.atMs ?? Infinity) - nowMs);
    return { stream, expiresInMs, keptForMs: toldAtMs + stream.silenceMs - nowMs };
  }

  /**
   * Streams that were silent for too long, to be found or left; each is taken again if nothing becomes of it.
   *
   * @param sinceMs since when accounts are told of beats, wherever they are heard
   */
  takeSilent(most: number, sinceMs: number): StreamRef[] {
    const nowMs = this.#nowMs();
    const silent: StreamRef[] = [];
    for (const [key, heard] of this.#streams) {
      if (silent.length >= most) break;
      const { ref, stream, silentAtMs } = heard;
      if (Math.max(silentAtMs, stream ? sinceMs + graceMs(stream, silentAtMs, sinceMs) : 0) > nowMs) continue;
      if (this.endOf(ref)) this.#streams.delete(key);
      else {
        this.#streams.set(key, { ...heard, silentAtMs: nowMs + CLAIM_MS, silent: 'asked' });
        silent.push(ref);
      }
    }
    return silent;
  }

  /** Those that were found silent, and did not beat here since. */
  stillSilent(refs: readonly StreamRef[]): readonly StreamRef[] {
    return refs.filter((ref) => this.#streams.get(keyOf(ref))?.silent === 'found' && !this.endOf(ref));
  }

  /** They are to be reported from here. @returns those of them that did not beat here since they were taken */
  find(refs: readonly StreamRef[]): readonly StreamRef[] {
    for (const [key, heard] of this.#asked(refs)) this.#streams.set(key, { ...heard, silent: 'found' });
    return this.stillSilent(refs);
  }

  /** Other gateways watch them: they are taken again after another silence. */
  leave(refs: readonly StreamRef[]): void {
    for (const [key, heard] of this.#asked(refs)) {
      const silentAtMs = this.#nowMs() + (heard.stream?.silenceMs ?? CLAIM_MS);
      this.#streams.set(key, { ...heard, silentAtMs, silent: 'elsewhere' });
    }
  }

  /** They are not found again for so long. */
  claim(refs: readonly StreamRef[], forMs: number): void {
    for (const ref of this.stillSilent(refs)) {
      const heard = this.#streams.get(keyOf(ref));
      if (heard) this.#streams.set(keyOf(ref), { ...heard, silentAtMs: this.#nowMs() + forMs });
    }
  }

  /** Those that the shared store watches better. */
  forgetSilent(): void {
    const nowMs = this.#nowMs();
    for (const [key, { silentAtMs }] of this.#streams) if (silentAtMs <= nowMs) this.#streams.delete(key);
  }

  /** Those that were last heard of here, and whose silence nobody was told of. */
  live(): readonly Resumed[] {
    const nowMs = this.#nowMs();
    return [...this.#streams.values()]
      .filter(({ silent }) => silent === undefined || silent === 'asked')
      .map(({ ref, stream, silent, silentAtMs }) => ({
        ref,
        silentInMs: silent === 'asked' ? 0 : Math.ceil(silentAtMs - nowMs),
        ...(stream ? { stream } : {}),
      }));
  }

  /** Ends that the shared store was not told of, as long as anybody would ask for them. */
  ends(): readonly (Pick<Ended, 'ref' | 'end'> & { readonly inMs: number })[] {
    const nowMs = this.#nowMs();
    return [...this.#ends.values()]
      .filter(({ atMs }) => nowMs - atMs < this.#rememberEndsMs)
      .map(({ ref, end, atMs }) => ({ ref, end, inMs: Math.max(0, atMs - nowMs) }));
  }

  /** The shared store knows them now. */
  forgetEnds(): void {
    this.#ends.clear();
  }

  #asked(refs: readonly StreamRef[]): [string, Heard][] {
    return refs.map(keyOf).flatMap((key): [string, Heard][] => {
      const heard = this.#streams.get(key);
      return heard?.silent === 'asked' ? [[key, heard]] : [];
    });
  }

  #hear(stream: WatchedStream, silentInMs: number, toldAtMs = -Infinity): void {
    const { userId, streamId } = stream;
    const key = keyOf(stream);
    if (this.#ends.has(key)) return;
    const silentAtMs = this.#nowMs() + silentInMs;
    const latestMs = Math.max(toldAtMs, this.#streams.get(key)?.toldAtMs ?? -Infinity);
    this.#streams.set(key, { ref: { userId, streamId }, stream, silentAtMs, toldAtMs: latestMs });
  }
}

/**
 * How long after accounts are told of all beats a stream is not found silent. None, if it beat here last: with a beat in the interval
 * before. Else it probably beat at another gateway, and two beats of it are awaited, of which one may be lost.
 */
function graceMs({ silenceMs, heartbeatIntervalMs }: WatchedStream, silentAtMs: number, sinceMs: number): number {
  const heardBeforeMs = sinceMs - (silentAtMs - silenceMs);
  if (heardBeforeMs <= ON_TIME * heartbeatIntervalMs) return 0;
  return Math.min(silenceMs, AWAITED_INTERVALS * heartbeatIntervalMs);
}
