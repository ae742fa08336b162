import type { MessageRoute } from '../../contracts/shared/names.ts';

export interface Poison {
  readonly topic: MessageRoute['topic'];
  readonly body: string;
  readonly fault: string;
}

/** Messages no worker can make sense of, one of each kind that happens. They belong in a dead-letter queue. */
export function poisonedMessages(run: string): Poison[] {
  const time = '2026-01-31T12:00:00Z';
  const objectId = `post-${run}-poisoned`;
  const post = { Actor: 'mallory', Verb: 'Post', ObjectID: objectId, FeedType: 'User', CreatedAt: time };
  const follow = { SourceFeedID: 'timeline:mallory', TargetFeedID: 'user:alice', EventTime: time };
  return [
    { topic: 'activities', body: `{"Actor":"mallory","ObjectID":"${objectId}"`, fault: 'is cut off, no JSON' },
    {
      topic: 'activities',
      body: JSON.stringify({ ...post, ForeignID: `Post:alice-${objectId}` }),
      fault: 'its ForeignID names another actor',
    },
    {
      topic: 'mentions',
      body: JSON.stringify({ Actor: 'mallory', Verb: 'Comment', ObjectID: `comment-${run}-poisoned`, Time: time }),
      fault: 'has no ParentID, FeedType and ForeignID',
    },
    {
      topic: 'reactions',
      body: JSON.stringify({ ActivityID: 'x', Kind: 'Adore', TargetFeed: [], Data3: `${run}-poisoned`, UserID: 'eve' }),
      fault: 'is of a Kind that does not exist',
    },
    {
      topic: 'follow-relationships',
      body: JSON.stringify({ ...follow, ActivityCopyLimit: 5_000 }),
      fault: 'copies more than 1,000 activities',
    },
  ];
}
