import { explainError } from '../contracts/shared/text.ts';

/** What keeps a process from starting, in one sentence that says what to do: no defect, so nobody is shown a stack. */
export class SetupError extends Error {
  override readonly name = 'SetupError';

  /** @param sentence without what the cause says, which is added */
  constructor(sentence: string, cause?: unknown) {
    super(cause === undefined ? sentence : `${sentence}: ${explainError(cause)}`, { cause });
  }
}
