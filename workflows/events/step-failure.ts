import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/common';
import { optionalTsToMs } from '@temporalio/common/lib/time.js';
import { FAILURE_TYPES, FINAL_FAILURE_TYPES, type FailureType } from '../../contracts/events/failure-types.ts';

/** What a failed step means for the event. */
export interface StepFailure {
  readonly type: FailureType;
  readonly message: string;
  /** Temporal does not make the same request again. */
  readonly final: boolean;
  /** How long the server asked to wait, milliseconds. */
  readonly retryAfterMs?: number;
  /** Number of the attempt that failed, where the activity tells it. */
  readonly attempt?: number;
  /** What stood before was removed on the way. */
  readonly removed?: true;
  /** What the failure carries along, of any shape. */
  readonly detail?: unknown;
}

const KNOWN_TYPES: ReadonlySet<string> = new Set(Object.values(FAILURE_TYPES));

/** Unwraps Temporal's failure of an activity down to the class its classifier gave it. */
export function stepFailureOf(error: unknown): StepFailure {
  if (error instanceof ActivityFailure) return stepFailureOf(error.cause ?? new Error(error.message));
  if (error instanceof ApplicationFailure && isFailureType(error.type)) {
    const [detail] = error.details ?? [];
    const told: object = typeof detail === 'object' && detail !== null ? detail : {};
    const attempt: unknown = Reflect.get(told, 'attempt');
    // SDK 1.24 leaves `nextRetryDelay` out of the errors it decodes.
    const retryAfterMs = optionalTsToMs(error.failure?.applicationFailureInfo?.nextRetryDelay);
    return {
      type: error.type,
      message: error.message,
      final: error.nonRetryable === true || FINAL_FAILURE_TYPES.includes(error.type),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(typeof attempt === 'number' ? { attempt } : {}),
      ...(Reflect.get(told, 'removed') === true ? { removed: true } : {}),
      ...(detail === undefined ? {} : { detail }),
    };
  }
  if (error instanceof TimeoutFailure) {
    // The attempts ran out by a time-out: the last attempt's own failure, if it had one, says why. SDK 1.24 leaves it out of `cause`.
    const last = error.failure?.cause;
    const lastType = last?.applicationFailureInfo?.type;
    if (isFailureType(lastType)) return { type: lastType, message: last?.message ?? '', final: false };
    return { type: FAILURE_TYPES.ambiguous, message: error.message, final: false };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { type: FAILURE_TYPES.internal, message, final: true };
}

function isFailureType(type: unknown): type is FailureType {
  return typeof type === 'string' && KNOWN_TYPES.has(type);
}
