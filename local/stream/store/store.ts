import { DEFAULT_FEED_GROUPS, type FeedGroups } from '../feed-id.ts';
import { type Clock, createClock } from '../time.ts';
import { ActivityStore } from './activities.ts';
import { AuditStore } from './audit.ts';
import { Database } from './database.ts';
import { EntryStore } from './entries.ts';
import { FeedStore } from './feeds.ts';
import { FollowStore } from './follows.ts';
import { PageStore } from './pages.ts';
import { ReactionStore } from './reactions.ts';
import { TABLES } from './schema.ts';
import { UserStore } from './users.ts';
import { CollectionStore } from './collections.ts';

interface StoreOptions {
  /** SQLite file. Default: in memory. */
  readonly file?: string;
  readonly groups?: FeedGroups;
  readonly clock?: Clock;
}

/** Everything one Stream application holds. Knows nothing of HTTP, tokens or permissions. */
export class Store {
  readonly groups: FeedGroups;
  readonly feeds: FeedStore;
  readonly activities: ActivityStore;
  readonly pages: PageStore;
  readonly follows: FollowStore;
  readonly reactions: ReactionStore;
  readonly users: UserStore;
  readonly collections: CollectionStore;
  readonly audit: AuditStore;
  readonly database: Database;

  constructor({ file, groups = DEFAULT_FEED_GROUPS, clock = createClock() }: StoreOptions = {}) {
    this.groups = groups;
    this.database = new Database(file);
    this.feeds = new FeedStore(this.database, groups);
    const entries = new EntryStore(this.database);
    this.activities = new ActivityStore(this.database, this.feeds, entries, clock);
    this.pages = new PageStore(this.database);
    this.follows = new FollowStore(this.database, this.feeds, entries, clock);
    this.reactions = new ReactionStore(this.database, this.activities, clock);
    this.users = new UserStore(this.database, clock);
    this.collections = new CollectionStore(this.database, clock);
    this.audit = new AuditStore(this.database, clock);
  }

  transaction<Result>(work: () => Result): Result {
    return this.database.transaction(work);
  }

  clear(): void {
    this.transaction(() => {
      for (const table of TABLES) this.database.run(`DELETE FROM ${table}`);
    });
  }

  close(): void {
    this.database.close();
  }
}
