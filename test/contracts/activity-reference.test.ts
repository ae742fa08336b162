import assert from 'node:assert/strict';
import fc from 'fast-check';
import { canonicalUuid, isForeignId } from '../../contracts/events/activity-reference.ts';
import { parseMessage } from '../../contracts/events/parse-message.ts';

const reaction = { Kind: 'Like', Data3: 'like-1', UserID: 'bob' };
const comment = {
  Actor: 'bob',
  Verb: 'Comment',
  ObjectID: 'c1',
  FeedType: 'User',
  Time: '2026-01-31T12:00:00Z',
  ForeignID: 'Comment:bob-c1',
};

function activityOf(ActivityID: string): string | undefined {
  const event = parseMessage('reaction', { ...reaction, ActivityID }, 5);
  return event.kind === 'reaction' ? event.activityId : undefined;
}

function parentOf(ParentID: string): string | undefined {
  const event = parseMessage('comment', { ...comment, ParentID }, 5);
  return event.kind === 'comment' ? event.parentId : undefined;
}

/** All ways in which the id of one activity is written. */
const spelling = fc.constantFrom<(uuid: string) => string>(
  (uuid) => uuid,
  (uuid) => `{${uuid}}`,
  (uuid) => uuid.replaceAll('-', ''),
  (uuid) => `{${uuid.replaceAll('-', '')}}`,
  (uuid) => `urn:uuid:${uuid}`,
  (uuid) => `URN:UUID:${uuid}`,
  (uuid) => `SA:${uuid}`,
);

describe('the activity a message refers to', () => {
  it('is one, however its id is written', () => {
    fc.assert(
      fc.property(fc.uuid(), spelling, fc.boolean(), (uuid, write, capitals) => {
        const written = write(capitals ? uuid.toUpperCase() : uuid);
        assert.equal(activityOf(written), uuid);
        assert.equal(parentOf(written), uuid);
      }),
    );
  });

  it('may be named by its ForeignID, which stays as it is', () => {
    for (const id of ['Post:alice-1', 'RePost:a_b-c-d', 'Question:A-1', 'Achievement:x-ü 🎉', 'Comment:bob-c1']) {
      assert.equal(activityOf(id), id);
      assert.equal(parentOf(id), id);
      assert.ok(isForeignId(id));
    }
  });

  const noActivities = [
    'post-17',
    '17',
    'Post:alice-',
    'Post:alice',
    'post:alice-1',
    'Poke:alice-1',
    'Like:alice-1',
    '5e7d4e2a-0000-11ee-8080-80001234567',
    '5e7d4e2a-0000-11ee-8080-8000123456789',
    '5e7d4e2a000011ee8080-800012345678',
    '{5e7d4e2a-0000-11ee-8080-800012345678',
    '5e7d4e2a-0000-11ee-8080-800012345678}',
    'g0000000-0000-11ee-8080-800012345678',
    'SU:alice',
    'x5e7d4e2a-0000-11ee-8080-800012345678',
    '05e7d4e2a-0000-11ee-8080-800012345678',
    '05e7d4e2a000011ee8080800012345678',
    '5e7d4e2a000011ee80808000123456780',
    'RePost: Post:alice-1',
  ];
  for (const id of noActivities) {
    it(`of a reaction is never ${id}; a comment may answer that`, () => {
      assert.equal(canonicalUuid(id), undefined);
      assert.throws(() => activityOf(id), {
        name: 'InvalidMessageError',
        message: /^ActivityID: must be the id of an/,
      });
      assert.equal(parentOf(id), id);
    });
  }
});
