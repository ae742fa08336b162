/** One call as its caller saw it. Times are on any one clock; a call without an answer returns at Infinity. */
export interface Operation<Input, Output> {
  readonly input: Input;
  /** Undefined: the answer was lost, the call may have taken effect or not. */
  readonly output: Output | undefined;
  readonly invokedAt: number;
  readonly returnedAt: number;
}

/** What a call may do when calls come one by one. */
export interface Model<State, Input, Output> {
  readonly initial: State;
  /** The states the call may lead to with this answer; none: it cannot have answered so. */
  step(state: State, input: Input, output: Output | undefined): readonly State[];
  /** Equal states have equal keys. */
  key(state: State): string;
}

/** The search was given up before it could tell. */
export class UndecidedError extends Error {
  override readonly name = 'UndecidedError';
}

/**
 * Whether some order of the calls explains all answers, in which every call takes effect between its invocation and its
 * return. The search of Wing and Gong with Lowe's memory of visited configurations, as porcupine does it.
 *
 * @param most configurations to try; default: all
 * @throws UndecidedError when more would have to be tried
 */
export function isLinearizable<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly Operation<Input, Output>[],
  most = Infinity,
): boolean {
  const visited = new Set<string>();
  const search = (state: State, pending: readonly number[]): boolean => {
    // Calls without an answer need not have happened.
    if (pending.every((index) => history[index]?.output === undefined)) return true;
    const stateKey = model.key(state);
    const configuration = `${pending.join(' ')}|${stateKey}`;
    if (visited.has(configuration)) return false;
    if (visited.size >= most) throw new UndecidedError(`more than ${most} configurations`);
    visited.add(configuration);
    // A call may come next only if no other pending one had returned before it began.
    const firstReturn = Math.min(...pending.map((index) => history[index]?.returnedAt ?? Infinity));
    return pending.some((index) => {
      const operation = history[index];
      if (!operation || operation.invokedAt > firstReturn) return false;
      const rest = pending.filter((other) => other !== index);
      const next = model.step(state, operation.input, operation.output);
      // Without an answer and without effect, it is as good as left out: another order would only be tried twice.
      const telling = operation.output === undefined ? next.filter((state) => model.key(state) !== stateKey) : next;
      return telling.some((state) => search(state, rest));
    });
  };
  return search(model.initial, [...history.keys()]);
}
