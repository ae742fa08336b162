import { Random } from '../../local/random.ts';

/** How often calls to GetStream go wrong, shares from 0 to 1 of all calls; the rest are answered. */
export interface TroubleProfile {
  readonly seed: number;
  /** 500 and 503, and connections that are refused. */
  readonly refused: number;
  /** 403: final. */
  readonly forbidden: number;
  /** 429, with the time of the reset. */
  readonly limited: number;
  /** Time-outs, resets, 502 and 504: carried out at once, later, or never. */
  readonly unanswered: number;
  /** No answer, and no end of the call either: a worker that dies in the middle. */
  readonly stuck: number;
  /** Follows that copy too little. */
  readonly partial: number;
  /** Longest pause before, and after, a call is carried out, milliseconds. */
  readonly delayMs: number;
}

/** What becomes of one call. */
export type Outcome =
  | { readonly is: 'answered'; readonly copyCap?: number }
  /** Nothing was carried out. */
  | { readonly is: 'refused'; readonly status: 403 | 429 | 500 | 503 | 'no connection' }
  /** No answer reaches the client; `lateMs` after it noticed, the call is carried out: 0 at once, undefined never. */
  | { readonly is: 'unanswered'; readonly as: 'timeout' | 'reset' | 502 | 504; readonly lateMs: number | undefined }
  | { readonly is: 'stuck'; readonly lateMs: number | undefined };

/** Longest time after the client's own time-out that a call is still carried out, milliseconds. */
export const LATEST_COMMIT_MS = 600;

/** A refusal often comes right after a call without an answer: the one that then looks as if nothing was written. */
const REFUSED_AFTER_UNANSWERED = 0.3;
/** A burst uses up a budget of attempts. */
const BURST_SHARE = 0.15;
const LONGEST_BURST = 8;

/** The troubles of one edge: the same seed gives the same ones to the same calls. */
export class Trouble {
  readonly #profile: TroubleProfile;
  readonly #random: Random;
  #wasUnanswered = false;
  #burst = 0;
  #calm = false;

  constructor(profile: TroubleProfile) {
    this.#profile = profile;
    this.#random = new Random(profile.seed);
  }

  /** From now on every call is answered: what is still open can end. */
  calm(): void {
    this.#calm = true;
  }

  pauseMs(): number {
    return this.#calm ? 0 : this.#random.between(0, this.#profile.delayMs);
  }

  next(): Outcome {
    if (this.#calm) return { is: 'answered' };
    const outcome = this.#draw();
    this.#wasUnanswered = outcome.is === 'unanswered' || outcome.is === 'stuck';
    return outcome;
  }

  #draw(): Outcome {
    const { refused, forbidden, limited, unanswered, stuck, partial } = this.#profile;
    const random = this.#random;
    if (this.#wasUnanswered && random.chance(REFUSED_AFTER_UNANSWERED))
      return { is: 'refused', status: random.pick([403, 503, 503]) };
    if (this.#burst > 0) {
      this.#burst--;
      return { is: 'refused', status: 503 };
    }
    let rank = random.next();
    const falls = (share: number): boolean => (rank -= share) < 0;
    if (falls(refused)) {
      if (random.chance(BURST_SHARE)) this.#burst = random.between(2, LONGEST_BURST);
      return { is: 'refused', status: random.pick([500, 503, 'no connection']) };
    }
    if (falls(forbidden)) return { is: 'refused', status: 403 };
    if (falls(limited)) return { is: 'refused', status: 429 };
    if (falls(unanswered)) {
      return { is: 'unanswered', as: random.pick(['timeout', 'timeout', 'reset', 502, 504]), lateMs: this.#lateMs() };
    }
    if (falls(stuck)) return { is: 'stuck', lateMs: this.#lateMs() };
    return random.chance(partial) ? { is: 'answered', copyCap: random.between(0, 2) } : { is: 'answered' };
  }

  #lateMs(): number | undefined {
    const rank = this.#random.next();
    if (rank < 0.4) return 0;
    return rank < 0.8 ? this.#random.between(1, LATEST_COMMIT_MS) : undefined;
  }
}
