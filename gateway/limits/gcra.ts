import type { RateLimit, RateVerdict } from './rate-limiter.ts';

/**
 * The generic cell rate algorithm, a leaky bucket as a meter: all that is kept of a key is the moment when it will have its
 * full burst again. Microseconds in whole numbers, so that Redis and this process decide alike and nothing drifts.
 */
export interface Meter {
  /** How long one unit takes to come back. */
  readonly unitUs: number;
  /** How many units fit. */
  readonly burst: number;
}

/** What became of one request, as its store saw it. */
export interface MeterReading {
  readonly allowed: boolean;
  /** From now until the key has its full burst again, after this request. */
  readonly fullInUs: number;
}

/** Below this, rounding a unit up to whole microseconds would cost more than a tenth of the limit. */
const MOST_PER_MS = 100;

/** @throws RangeError when the limit is not usable; the message says why */
export function meterOf({ limit, windowMs, burst = limit }: RateLimit): Meter {
  if (!Number.isSafeInteger(limit) || limit < 1) throw new RangeError(`limit must be a whole number above 0: ${limit}`);
  if (!Number.isSafeInteger(burst) || burst < 1) throw new RangeError(`burst must be a whole number above 0: ${burst}`);
  if (!(windowMs > 0 && windowMs < Infinity)) throw new RangeError(`windowMs must be above 0: ${windowMs}`);
  if (limit > windowMs * MOST_PER_MS) {
    throw new RangeError(`limit must be at most ${MOST_PER_MS} per millisecond: ${limit} in ${windowMs} ms`);
  }
  const unitUs = Math.ceil((windowMs * 1_000) / limit);
  if (!Number.isSafeInteger(unitUs * burst)) throw new RangeError(`${limit} in ${windowMs} ms is too slow to measure`);
  return { unitUs, burst };
}

/** @throws RangeError when the cost is no whole number, or is more than the burst */
export function assertCost({ burst }: Meter, cost: number): void {
  if (!Number.isSafeInteger(cost) || cost < 0) throw new RangeError(`cost must be a whole number: ${cost}`);
  if (cost > burst) throw new RangeError(`a cost of ${cost} can never be taken from a burst of ${burst}`);
}

/**
 * @param fullInUs from now until the key has its full burst again, before this request; what is below 0 counts as 0, and
 *   more than a clock that never went back could have left counts as an empty burst
 */
export function readMeter({ unitUs, burst }: Meter, fullInUs: number, cost: number): MeterReading {
  const capacityUs = unitUs * burst;
  const before = Math.min(Math.max(fullInUs, 0), capacityUs);
  const after = before + cost * unitUs;
  return after <= capacityUs ? { allowed: true, fullInUs: after } : { allowed: false, fullInUs: before };
}

export function verdictOf({ unitUs, burst }: Meter, { allowed, fullInUs }: MeterReading, cost: number): RateVerdict {
  const capacityUs = unitUs * burst;
  return {
    allowed,
    remaining: Math.floor((capacityUs - fullInUs) / unitUs),
    retryAfterMs: allowed ? 0 : Math.ceil((fullInUs + cost * unitUs - capacityUs) / 1_000),
    resetAfterMs: Math.ceil(fullInUs / 1_000),
  };
}
