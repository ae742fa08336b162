import type { OverLimitBehaviour } from '../../../contracts/sessions/session-limits.ts';
import type { Model, Operation } from './linearizability.ts';

export type SessionCall =
  | { readonly kind: 'acquire'; readonly id: string; readonly content?: string; readonly evict?: readonly string[] }
  | { readonly kind: 'release'; readonly id: string }
  | { readonly kind: 'evict'; readonly id: string }
  /** Leases that ran out, all at once. */
  | { readonly kind: 'expire'; readonly ids: readonly string[] }
  | { readonly kind: 'list' };

export type SessionAnswer =
  | { readonly outcome: 'granted'; readonly evicted: readonly string[] }
  | { readonly outcome: 'refused'; readonly conflicts: readonly string[] }
  | { readonly outcome: 'ended' }
  | { readonly outcome: 'otherRequest' }
  | { readonly outcome: 'done'; readonly ids: readonly string[] };

export type SessionOperation = Operation<SessionCall, SessionAnswer>;

interface State {
  /** Oldest first. */
  readonly active: readonly string[];
  readonly ended: readonly string[];
  /** What each id was first acquired for; absent for one that was only released. */
  readonly contents: Readonly<Record<string, string>>;
}

/** What an account does, said once more and independently of the ledger: a list of ids and a limit. */
export function sessionModel(limit: number, overLimit: OverLimitBehaviour): Model<State, SessionCall, SessionAnswer> {
  const end = ({ active, ended, contents }: State, ids: readonly string[]): State => ({
    active: active.filter((id) => !ids.includes(id)),
    ended: [...ended, ...ids],
    contents,
  });

  const carryOut = (state: State, call: SessionCall): [state: State, answer: SessionAnswer] | undefined => {
    switch (call.kind) {
      case 'acquire':
        return acquire(state, call, call.evict ?? []);
      case 'release':
        // Also one that is not known: it will not begin any more.
        return [state.ended.includes(call.id) ? state : end(state, [call.id]), { outcome: 'done', ids: [] }];
      case 'evict': {
        const ids = state.active.filter((id) => id === call.id);
        return [end(state, ids), { outcome: 'done', ids }];
      }
      case 'expire': {
        const possible = call.ids.every((id) => state.active.includes(id));
        return possible ? [end(state, call.ids), { outcome: 'done', ids: [] }] : undefined;
      }
      case 'list':
        return [state, { outcome: 'done', ids: state.active }];
    }
  };

  const acquire = (
    state: State,
    { id, content = '' }: Extract<SessionCall, { kind: 'acquire' }>,
    named: readonly string[],
  ): [State, SessionAnswer] => {
    const { active, ended } = state;
    const contents = { ...state.contents, [id]: content };
    if ((state.contents[id] ?? content) !== content) return [state, { outcome: 'otherRequest' }];
    if (active.includes(id)) return [state, { outcome: 'granted', evicted: [] }];
    if (ended.includes(id)) return [{ ...state, contents }, { outcome: 'ended' }];
    const victims = active.length < limit ? [] : victimsOf(active, named);
    if (active.length - victims.length >= limit) return [state, { outcome: 'refused', conflicts: active }];
    const left = end(state, victims);
    return [
      { ...left, active: [...left.active, id], contents },
      { outcome: 'granted', evicted: victims },
    ];
  };

  const victimsOf = (active: readonly string[], named: readonly string[]): readonly string[] => {
    if (overLimit === 'refuseNewest') return [];
    const victims = active.filter((id) => named.includes(id));
    if (overLimit === 'evictNamed') return victims;
    const oldest = active.filter((id) => !victims.includes(id));
    return [...victims, ...oldest.slice(0, Math.max(0, oldest.length - limit + 1))];
  };

  return {
    initial: { active: [], ended: [], contents: {} },
    step(state, call, answer) {
      const carriedOut = carryOut(state, call);
      if (!carriedOut) return [];
      if (answer === undefined) return [state, carriedOut[0]];
      return JSON.stringify(carriedOut[1]) === JSON.stringify(answer) ? [carriedOut[0]] : [];
    },
    key: ({ active, ended, contents }) =>
      JSON.stringify([active, ended.toSorted(), Object.entries(contents).map(String).toSorted()]),
  };
}
