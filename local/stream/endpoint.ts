import type { Caller, Resource } from './auth.ts';
import type { Effect } from './counters.ts';
import { type FeedId, feedOf } from './feed-id.ts';
import type { Query } from './input.ts';
import type { EndpointGroup } from './rate-limits.ts';
import type { Store } from './store/store.ts';

/** One call of the REST API. The table of them is the server: see `routes/`. */
export interface Endpoint {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below `/api/v1.0`, as counted by `GET /_control/stats`. */
  readonly path: string;
  /** What the token must cover. */
  readonly resource: Resource;
  /** Which published quota it draws on. */
  readonly quota: EndpointGroup;
  /** Whether it copies activities, so that the fault `partialCopy` means it. */
  readonly copies?: boolean;
  /** Answers the body without `duration`; runs inside one transaction. */
  readonly handle: (call: Call) => Record<string, unknown>;
}

/** One request, past authentication, quota and JSON. */
export interface Call {
  readonly store: Store;
  readonly caller: Caller;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  /** Parsed JSON; undefined when the request had no body. Answers 400 when it is malformed. */
  readonly body: () => unknown;
  /** Path as requested, for links to the next page. */
  readonly path: string;
  /** `http://host:port` as the caller reached it, for absolute links. */
  readonly baseUrl: string;
  /** Most activities that a follow may copy; lowered by the fault `partialCopy`. */
  readonly copyCap: number;
  /** Counts a change, if the transaction commits. */
  readonly count: (effect: Effect, times?: number) => void;
}

/** The feed in the path. */
export function feedOfPath({ params, store }: Call): FeedId {
  return feedOf(params.slug ?? '', params.id ?? '', store.groups);
}
