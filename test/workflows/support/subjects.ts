import { randomUUID } from 'node:crypto';
import { StreamApiError } from 'getstream';
import type { SocialEvent } from '../../../contracts/events/social-event.ts';
import { commentEvent, followEvent, postEvent, reactionEvent } from '../../support/events.ts';
import type { Fault, StreamStage } from '../../support/stream-stage.ts';

export const KINDS = [
  'post',
  'comment',
  'Like',
  'Unlike',
  'Star',
  'Share',
  'Follow',
  'Follow with copy',
  'Unfollow',
] as const;
export type Kind = (typeof KINDS)[number];

/** What is played with: an event of one kind, with ids of its own, and what GetStream shows of it. */
export interface Subject {
  readonly event: SocialEvent;
  /** The opposite, later; undefined for a post or comment, of which there is none. */
  readonly later: SocialEvent | undefined;
  /** Requests that write the event, that take it back, and that read what stands. */
  readonly write: Fault['match'];
  readonly undo: Fault['match'];
  /** Left out where reads of one subject cannot be told from those of another. */
  readonly read?: Fault['match'];
  /** Whether a write reads first, and writes nothing where nothing is to be done. */
  readonly readsFirst: boolean;
  /** The first request of the later event. */
  readonly laterRequest: Fault['match'];
  /** What GetStream shows: before the event, with it, after the later one. */
  readonly shows: { readonly before: string; readonly event: string; readonly later: string };
  look(): Promise<string>;
}

/** How many activities the target of a follow has. */
const POSTS = 3;

/** Makes a subject, and applies what an event that removes something has to remove. */
export async function makeSubject(stage: StreamStage, kind: Kind): Promise<Subject> {
  switch (kind) {
    case 'post':
    case 'comment':
      return activitySubject(stage, kind === 'post' ? postEvent() : commentEvent());
    case 'Like':
    case 'Unlike':
    case 'Star':
    case 'Share':
      return reactionSubject(stage, kind);
    case 'Follow':
    case 'Follow with copy':
    case 'Unfollow':
      return followSubject(stage, kind);
  }
}

function activitySubject({ client }: StreamStage, event: ReturnType<typeof postEvent | typeof commentEvent>): Subject {
  const path = `/feed/user/${event.actor}/`;
  return {
    event,
    later: undefined,
    write: { method: 'POST', path },
    undo: { method: 'DELETE', path },
    readsFirst: false,
    laterRequest: { path: 'nothing is written' },
    shows: { before: 'nothing', event: 'written', later: 'nothing' },
    async look() {
      const { results } = await client.feed('user', event.actor).get({ limit: 10 });
      return results.length === 0 ? 'nothing' : 'written';
    },
  };
}

async function reactionSubject(stage: StreamStage, kind: 'Like' | 'Unlike' | 'Star' | 'Share'): Promise<Subject> {
  const [edge, user] = [randomUUID(), `dave-${randomUUID()}`];
  const activity = await addPost(stage, user);
  const of = (change: { kind: 'Like' | 'Unlike' | 'Star' | 'Share'; at: number }) =>
    reactionEvent({ ...change, edge, user, activity });
  // What is removed, and what takes the place of another, is another reaction under the same id.
  const opposite = { Like: 'Star', Star: 'Unlike', Share: 'Like', Unlike: 'Share' } as const;
  const before = of({ kind: kind === 'Unlike' ? 'Like' : 'Unlike', at: 10 });
  if (kind === 'Unlike') await apply(stage, before);
  const event = of({ kind, at: 20 });
  const later = of({ kind: opposite[kind], at: 30 });
  const add = { method: 'POST', path: '^/reaction/', body: event.reactionId };
  const remove = { method: 'DELETE', path: `/reaction/${event.reactionId}` };
  const read = { method: 'GET', path: `/reaction/${event.reactionId}` };
  const shown = (action: string): string => (action === 'Unlike' ? 'nothing' : action);
  return {
    event,
    later,
    write: kind === 'Unlike' ? remove : add,
    undo: kind === 'Unlike' ? add : remove,
    read,
    readsFirst: kind === 'Unlike',
    laterRequest: later.action === 'Unlike' ? read : add,
    shows: { before: shown(before.action), event: shown(kind), later: shown(later.action) },
    async look() {
      try {
        return (await stage.client.reactions.get(event.reactionId)).kind;
      } catch (error) {
        if (error instanceof StreamApiError && error.response.status === 404) return 'nothing';
        throw error;
      }
    },
  };
}

async function followSubject(stage: StreamStage, kind: 'Follow' | 'Follow with copy' | 'Unfollow'): Promise<Subject> {
  const [edge, target] = [randomUUID(), `erin-${randomUUID()}`];
  for (let count = 0; count < POSTS; count++) await addPost(stage, target);
  const copyLimit = kind === 'Follow with copy' ? POSTS : 0;
  const of = (change: { kind: 'Follow' | 'Unfollow'; at: number }) =>
    followEvent({ ...change, edge, target, copyLimit });
  if (kind === 'Unfollow') await apply(stage, of({ kind: 'Follow', at: 10 }));
  const event = of({ kind: kind === 'Unfollow' ? 'Unfollow' : 'Follow', at: 20 });
  const later = of({ kind: kind === 'Unfollow' ? 'Follow' : 'Unfollow', at: 30 });
  const source = event.source.slice('timeline:'.length);
  const follow = { method: 'POST', path: `/feed/timeline/${source}/following/` };
  const unfollow = { method: 'DELETE', path: `/feed/timeline/${source}/following/` };
  const shown = (action: string): string => (action === 'Follow' ? `follows, ${copyLimit} copied` : 'nothing');
  return {
    event,
    later,
    write: kind === 'Unfollow' ? unfollow : follow,
    undo: kind === 'Unfollow' ? follow : unfollow,
    read: { method: 'GET', path: `/feed/timeline/${source}/` },
    readsFirst: false,
    laterRequest: kind === 'Unfollow' ? follow : unfollow,
    shows: {
      before: shown(later.action),
      event: shown(event.action),
      later: shown(later.action),
    },
    async look() {
      const feed = stage.client.feed('timeline', source);
      const { results } = await feed.following({ limit: 10 });
      const copied = (await feed.get({ limit: 10 })).results.length;
      return results.length === 0 && copied === 0 ? 'nothing' : `follows, ${copied} copied`;
    },
  };
}

async function apply(stage: StreamStage, event: SocialEvent): Promise<void> {
  await stage.start(event);
  await stage.isClosed(event);
}

export async function addPost({ client }: StreamStage, user: string): Promise<string> {
  const post = { actor: user, verb: 'Post', object: randomUUID() };
  const { id } = await client.feed('user', user).addActivity(post);
  return id;
}
