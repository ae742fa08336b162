/** What writes changed, as `GET /_control/stats` shows it. */
const EFFECTS = [
  'activitiesCreated',
  'activitiesOverwritten',
  'activitiesUpdated',
  'activitiesRemoved',
  'activitiesRetargeted',
  'followsCreated',
  'followsRepeated',
  'unfollows',
  'unfollowsRepeated',
  'reactionsCreated',
  'reactionConflicts',
  'reactionsUpdated',
  'reactionsDeleted',
  'reactionsRestored',
  'usersCreated',
  'usersUpdated',
  'usersDeleted',
  'collectionEntriesCreated',
  'collectionEntriesUpdated',
  'collectionEntriesDeleted',
] as const;

export type Effect = (typeof EFFECTS)[number];
type Effects = ReadonlyMap<Effect, number>;

interface RouteCount {
  total: number;
  readonly byStatus: Record<string, number>;
}

/** Requests by route and status, and effects of committed writes, since the start or the last reset. */
export class Counters {
  readonly #requests = new Map<string, RouteCount>();
  readonly #effects = new Map<Effect, number>();
  #rateLimited = 0;

  /** @param status what was answered; `hung` when nothing was. */
  request(route: string, status: number | 'hung'): void {
    const count = this.#requests.get(route) ?? { total: 0, byStatus: {} };
    count.total += 1;
    count.byStatus[status] = (count.byStatus[status] ?? 0) + 1;
    this.#requests.set(route, count);
    if (status === 429) this.#rateLimited += 1;
  }

  commit(effects: Effects): void {
    for (const [effect, times] of effects) this.effect(effect, times);
  }

  effect(effect: Effect, times = 1): void {
    this.#effects.set(effect, (this.#effects.get(effect) ?? 0) + times);
  }

  reset(): void {
    this.#requests.clear();
    this.#effects.clear();
    this.#rateLimited = 0;
  }

  snapshot(): Record<string, unknown> {
    return {
      requests: Object.fromEntries(this.#requests),
      effects: Object.fromEntries(EFFECTS.map((effect) => [effect, this.#effects.get(effect) ?? 0])),
      rateLimited: this.#rateLimited,
    };
  }
}
