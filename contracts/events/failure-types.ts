/**
 * Why a write to GetStream failed: the `type` of the Temporal failure and the value of the `EventFailure` search
 * attribute. One classifier, `activities/classify-failure.ts`, chooses among them.
 */
export const FAILURE_TYPES = {
  /** 429: the quota of the app is used up; retried when the server says. */
  rateLimited: 'RateLimited',
  /** 5xx, or the connection was refused: nothing was written; retried. */
  unavailable: 'Unavailable',
  /** Time-out or reset after the request left: it may have been written; retried with the same ids. */
  ambiguous: 'Ambiguous',
  /** Follow made, but not all activities were copied. Retried, then undone and tried anew. */
  copyIncomplete: 'CopyIncomplete',
  /** What a comment or reaction refers to is not there yet. Waited for, then parked. */
  parentMissing: 'ParentMissing',
  /** 400, 413 and the like: the same request fails again. Final. */
  invalidRequest: 'InvalidRequest',
  /** 401 or 403: the credentials or the policies forbid it. Final until an operator mends that. */
  notAllowed: 'NotAllowed',
  /** 404: what the write refers to is not there. Final. */
  notFound: 'NotFound',
  /** The id of a reaction is taken by another user's: not touched. Final until an operator mends the producer. */
  conflict: 'Conflict',
  /**
   * Not of GetStream: the run that asked was reset, or continues another, so that later runs of its edge may have decided
   * already. The details say what they know. Never shown: the workflow takes it over and goes on.
   */
  staleRun: 'StaleRun',
  /** A defect of our own code, kept from retrying for ever. Final. */
  internal: 'Internal',
  /** An undo failed: what the event wrote may still be visible. */
  compensationFailed: 'CompensationFailed',
} as const;

export type FailureType = (typeof FAILURE_TYPES)[keyof typeof FAILURE_TYPES];

/** Failures for which another try of the same request is useless. */
export const FINAL_FAILURE_TYPES: readonly FailureType[] = [
  FAILURE_TYPES.invalidRequest,
  FAILURE_TYPES.notAllowed,
  FAILURE_TYPES.notFound,
  FAILURE_TYPES.conflict,
  FAILURE_TYPES.staleRun,
  FAILURE_TYPES.internal,
];
