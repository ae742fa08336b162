/** Why a message can never become an event, or its event never start. Operators and alerts select by these codes, so they do not change. */
export type RejectCode =
  | 'EmptyBody'
  | 'BodyTooLarge'
  | 'InvalidJson'
  | 'TooDeep'
  | 'ForbiddenKey'
  | 'IllFormedText'
  | 'UnknownEnvelope'
  | 'InvalidMessage'
  | 'StartFailed';

/** Verdict on a message that goes to the dead-letter queue. */
export interface Rejection {
  readonly code: RejectCode;
  /** What is wrong, for the producer's engineers. May quote the message, so it is not logged. */
  readonly sentence: string;
}

/** Carries a rejection out of the steps of decoding; never leaves `decode-body.ts`. */
export class RejectedBody extends Error {
  override readonly name = 'RejectedBody';
  readonly rejection: Rejection;

  constructor(code: RejectCode, sentence: string) {
    super(`${code}: ${sentence}`);
    this.rejection = { code, sentence };
  }
}
