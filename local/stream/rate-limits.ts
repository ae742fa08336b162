/**
 * Stream's request quotas: fixed windows of 1 minute, 15 minutes and 1 hour, each endpoint group counted by itself per
 * app ("Rate Limits" page). All here is pure; the time comes in as epoch seconds.
 */
export interface Quota {
  readonly minute: number;
  readonly quarterHour: number;
  readonly hour: number;
}

const WINDOW_SECONDS = { minute: 60, quarterHour: 15 * 60, hour: 60 * 60 } as const;
const WINDOWS = ['minute', 'quarterHour', 'hour'] as const;

const ADD: Quota = { minute: 1000, quarterHour: 12_000, hour: 48_000 };
const REMOVE: Quota = { minute: 300, quarterHour: 3_600, hour: 14_400 };
const UPDATE: Quota = { minute: 250, quarterHour: 3_000, hour: 12_000 };
const READ: Quota = { minute: 2000, quarterHour: 24_000, hour: 96_000 };
const FOLLOW: Quota = { minute: 500, quarterHour: 6_000, hour: 24_000 };
const READ_FOLLOWERS: Quota = { minute: 200, quarterHour: 2_400, hour: 9_600 };
const OBJECTS: Quota = { minute: 1000, quarterHour: 10_000, hour: 100_000 };
const OFF: Quota = { minute: 0, quarterHour: 0, hour: 0 };

/** The published table. From `addReaction` on it is silent: the numbers are those of comparable calls. */
export const PUBLISHED_QUOTAS = {
  addActivities: ADD,
  removeActivities: REMOVE,
  updateActivities: UPDATE,
  updateToTargets: UPDATE,
  readFeed: READ,
  follow: FOLLOW,
  readFollowing: FOLLOW,
  readFollowers: READ_FOLLOWERS,
  unfollow: UPDATE,
  followMany: UPDATE,
  /** Off until Stream's support enables it: every call is refused. */
  unfollowMany: OFF,
  upsertCollections: UPDATE,
  selectCollections: UPDATE,
  deleteCollections: UPDATE,
  addUser: OBJECTS,
  readUser: OBJECTS,
  updateUser: OBJECTS,
  deleteUser: OBJECTS,
  addCollectionEntry: OBJECTS,
  readCollectionEntry: OBJECTS,
  updateCollectionEntry: OBJECTS,
  deleteCollectionEntry: OBJECTS,
  addReaction: OBJECTS,
  readReaction: OBJECTS,
  updateReaction: OBJECTS,
  deleteReaction: OBJECTS,
  readActivities: OBJECTS,
  partialUpdate: UPDATE,
  followStats: OBJECTS,
  other: OBJECTS,
} as const satisfies Record<string, Quota>;

export type EndpointGroup = keyof typeof PUBLISHED_QUOTAS;
export type Quotas = Readonly<Record<EndpointGroup, Quota>>;

/** Requests counted so far, by window. */
export type Usage = Readonly<Record<keyof Quota, { readonly window: number; readonly used: number }>>;

/** The window that binds most, as the `X-Ratelimit-*` headers show it. */
interface RateState {
  readonly allowed: boolean;
  readonly limit: number;
  readonly remaining: number;
  /** Epoch seconds at which the window ends. */
  readonly resetSeconds: number;
}

export const NO_USAGE: Usage = {
  minute: { window: 0, used: 0 },
  quarterHour: { window: 0, used: 0 },
  hour: { window: 0, used: 0 },
};

/** Counts one request unless a window is full; a refused one is not counted. */
export function consume(usage: Usage, quota: Quota, nowSeconds: number): { usage: Usage; state: RateState } {
  const states = WINDOWS.map((name) => {
    const window = Math.floor(nowSeconds / WINDOW_SECONDS[name]);
    const used = usage[name].window === window ? usage[name].used : 0;
    return { name, window, used, left: quota[name] - used, reset: (window + 1) * WINDOW_SECONDS[name] };
  });
  const allowed = states.every(({ left }) => left > 0);
  const taken = allowed ? 1 : 0;
  // Refused, the caller must wait for the last full window to end; else the scarcest window says how to pace.
  const binding = allowed
    ? states.reduce((a, b) => (b.left < a.left ? b : a))
    : states.filter(({ left }) => left <= 0).reduce((a, b) => (b.reset > a.reset ? b : a));
  return {
    usage: {
      minute: counted(states, 'minute', taken),
      quarterHour: counted(states, 'quarterHour', taken),
      hour: counted(states, 'hour', taken),
    },
    state: {
      allowed,
      limit: quota[binding.name],
      remaining: Math.max(0, binding.left - taken),
      resetSeconds: binding.reset,
    },
  };
}

function counted(
  states: readonly { name: string; window: number; used: number }[],
  name: keyof Quota,
  taken: number,
): { window: number; used: number } {
  const state = states.find((candidate) => candidate.name === name);
  return state ? { window: state.window, used: state.used + taken } : { window: 0, used: 0 };
}

export function rateLimitHeaders(state: Omit<RateState, 'allowed'>): Record<string, string> {
  return {
    'x-ratelimit-limit': String(state.limit),
    'x-ratelimit-remaining': String(state.remaining),
    'x-ratelimit-reset': String(state.resetSeconds),
  };
}

/** Usage of every endpoint group. */
export class RateLimiter {
  readonly #quotas: Quotas;
  readonly #usage = new Map<EndpointGroup, Usage>();

  constructor(quotas: Quotas) {
    this.#quotas = quotas;
  }

  take(group: EndpointGroup, nowSeconds: number): RateState {
    const { usage, state } = consume(this.#usage.get(group) ?? NO_USAGE, this.#quotas[group], nowSeconds);
    this.#usage.set(group, usage);
    return state;
  }
}
