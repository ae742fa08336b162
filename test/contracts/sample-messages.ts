/** Messages that hold every field of their kind; the follow says neither its kind nor its copy limit. */
const extensions = { EventID: 'e1', EventTime: '2026-01-31T12:00:00Z' };
export const post = {
  Actor: 'alice',
  Verb: 'Post',
  ObjectID: '1',
  FeedType: 'User',
  CreatedAt: '2026-01-31T12:00:00Z',
  To: ['bob'],
  ForeignID: 'Post:alice-1',
  HashTags: ['jazz'],
  ...extensions,
};
export const comment = {
  Actor: 'bob',
  Verb: 'Comment',
  ObjectID: 'c1',
  ParentID: 'Post:alice-1',
  FeedType: 'Timeline',
  Time: '2026-01-31T12:00:00Z',
  To: ['alice'],
  ForeignID: 'Comment:bob-c1',
  HashTags: ['jazz'],
  ...extensions,
};
export const reaction = {
  ActivityID: 'f01c0000-acf5-11e5-8080-80006a8b5bc2',
  Kind: 'Like',
  TargetFeed: ['notification:alice'],
  Data3: 'like-1',
  UserID: 'bob',
  ...extensions,
};
export const follow = { SourceFeedID: 'timeline:bob', TargetFeedID: 'user:alice', ...extensions };
