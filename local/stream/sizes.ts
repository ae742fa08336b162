/** Sizes that Stream documents; where it documents none the number is this server's own and says so. */
export const SIZES = {
  /** JSON-encoded activity, after a partial update too ("Activities" page; stream-swift). */
  activityBytes: 10 * 1024,
  /** "Activities" page. */
  verbBytes: 255,
  /** `to` per activity ("Targeting" page). */
  toTargets: 100,
  /** `target_feeds` of a reaction ("Reactions and Feeds" page). */
  reactionTargetFeeds: 20,
  /** Feeds of one add_to_many ("Batch Methods" page). */
  addToManyFeeds: 5000,
  /** Activities of one update, ids of one read, to-target updates of one call (stream-net, stream-go2, stream-swift). */
  activitiesPerCall: 100,
  /** Own choice: Stream documents no maximum for activities added in one call. */
  activitiesPerAdd: 100,
  /** Own choice: Stream documents no maximum for relations of follow_many and unfollow_many. */
  relationsPerCall: 2500,
  /** Users or collection entries of one batch call ("Batch Endpoints" pages). */
  batchObjects: 1000,
  /** Activities copied by a follow: default and maximum (docs, stream-swift; stream-net for the maximum). */
  copyDefault: 100,
  copyMaximum: 1000,
  /** Followers and following lists: page sizes, and how far they reach (stream-swift; stream-js issue 260). */
  followPageDefault: 25,
  followPageMaximum: 500,
  followsReachable: 1000,
  /** Feed page: default from stream-swift, the maximum is this server's own. */
  feedPageDefault: 25,
  feedPageMaximum: 100,
  /** Reaction page: larger values are cut to 25, not refused (stream-js cloud suite). */
  reactionPageDefault: 10,
  reactionPageMaximum: 25,
  /** Newest activities shown of a group; `activity_count` counts all. Own choice. */
  activitiesPerGroup: 15,
  /** Reactions shown per kind in own_reactions and latest_reactions (stream-js cloud suite). */
  reactionsPerKind: 5,
  /** Children shown in latest_children, over all kinds (stream-js cloud suite). */
  latestChildren: 10,
  /** Levels of reactions: on the activity, on that reaction, and on that one (stream-js cloud suite). */
  reactionLevels: 3,
  /** Request body. Own choice: room for 100 activities of 10 KB and for 1000 users. */
  bodyBytes: 8 * 1024 * 1024,
  /** JSON-encoded user, reaction or collection data. Own choice. */
  dataBytes: 10 * 1024,
  /** Any single id or kind. Own choice. */
  idLength: 255,
} as const;
