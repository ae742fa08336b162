import assert from 'node:assert/strict';
import type { EarlyRelease, EndedRecord, RequestRecord } from '../../contracts/sessions/stream-sessions.ts';
import { SessionMemory, withinBytes } from '../../workflows/sessions/session-memory.ts';

const ended = (streamId: string, endedAtMs: number, requestId?: string): EndedRecord => ({
  streamId,
  deviceId: 'd',
  ...(requestId === undefined ? {} : { requestId }),
  mode: 'direct',
  endedAtMs,
  end: { reason: 'released' },
});
const asked = (requestId: string, atMs: number, kind: RequestRecord['kind'] = 'acquire'): RequestRecord => ({
  requestId,
  streamId: 'a',
  kind,
  atMs,
});
const early = (streamId: string, atMs: number, requestId?: string): EarlyRelease => ({
  streamId,
  ...(requestId === undefined ? {} : { requestId }),
  atMs,
});

describe('the memory of an account', () => {
  it('finds ends by stream and by request, the latest of a stream only', () => {
    const memory = new SessionMemory();
    memory.remember(ended('a', 1, 'r1'));
    memory.remember(ended('b', 2));
    memory.remember(ended('a', 3, 'r2'));
    assert.deepEqual(memory.ended, [ended('b', 2), ended('a', 3, 'r2')]);
    assert.deepEqual(memory.findEnded('a'), ended('a', 3, 'r2'));
    assert.equal(memory.findEnded('c'), undefined);
    assert.deepEqual(memory.findEndedByRequest('r2'), ended('a', 3, 'r2'));
    assert.equal(memory.findEndedByRequest('r1'), undefined);
    memory.forget('b');
    assert.deepEqual(memory.ended, [ended('a', 3, 'r2')]);
  });

  it('finds requests by what they asked for', () => {
    const memory = new SessionMemory();
    memory.note(asked('r', 1));
    memory.note(asked('s', 2, 'release'));
    memory.note(asked('r', 3, 'release'));
    assert.deepEqual(memory.findRequest('acquire', 'r'), asked('r', 1));
    assert.deepEqual(memory.findRequest('release', 'r'), asked('r', 3, 'release'));
    assert.equal(memory.findRequest('acquire', 's'), undefined);
  });

  it('keeps 200 ends and 400 requests, the oldest dropped first', () => {
    const memory = new SessionMemory();
    for (let index = 0; index <= 400; index++) {
      memory.remember(ended(`s${index}`, index));
      memory.note(asked(`r${index}`, index));
    }
    assert.deepEqual([memory.ended.length, memory.ended[0]?.streamId], [200, 's201']);
    assert.deepEqual([memory.requests.length, memory.requests[0]?.requestId], [400, 'r1']);
  });

  it('forgets what is as old as the retention, and nothing younger', () => {
    const memory = new SessionMemory([ended('a', 1), ended('b', 2), ended('c', 3)], [asked('r', 1), asked('s', 3)]);
    const { ended: before, requests } = memory;
    memory.prune(10, 10);
    assert.equal(memory.ended, before);
    assert.equal(memory.requests, requests);
    memory.prune(12, 10);
    assert.deepEqual(memory.ended, [ended('c', 3)]);
    assert.deepEqual(memory.requests, [asked('s', 3)]);
    memory.prune(13, 10);
    assert.deepEqual([memory.ended, memory.requests], [[], []]);
    memory.prune(20, 10);
    assert.deepEqual([memory.ended, memory.requests], [[], []]);
  });

  it('knows when the last thing came that it must keep', () => {
    assert.equal(new SessionMemory().latestMs, undefined);
    assert.equal(new SessionMemory([ended('a', 1), ended('b', 2), ended('c', 5)]).latestMs, 5);
    assert.equal(new SessionMemory([], [asked('r', 1), asked('s', 2), asked('t', 4)]).latestMs, 4);
    assert.equal(new SessionMemory([ended('a', 3)], [asked('r', 2)]).latestMs, 3);
    assert.equal(new SessionMemory([ended('a', 3)], [asked('r', 4)]).latestMs, 4);
    const releases = [early('x', 1), early('y', 2), early('z', 6)];
    assert.equal(new SessionMemory([], [], releases).latestMs, 6);
    assert.equal(new SessionMemory([ended('a', 3)], [asked('r', 4)], releases).latestMs, 6);
  });

  it('keeps each release that came before its acquire by its request, the latest of the same only', () => {
    const memory = new SessionMemory();
    for (const release of [
      early('a', 1, 'r'),
      early('a', 2, 's'),
      early('b', 3, 'r'),
      early('a', 4),
      early('a', 5, 'r'),
    ])
      memory.noteEarly(release);
    assert.deepEqual(memory.early, [early('a', 2, 's'), early('b', 3, 'r'), early('a', 4), early('a', 5, 'r')]);
  });

  it('forgets releases that came before their acquires as it does ends', () => {
    const memory = new SessionMemory([], [], [early('a', 1), early('b', 2), early('c', 3)]);
    const { early: before } = memory;
    memory.prune(10, 10);
    assert.equal(memory.early, before);
    memory.prune(11, 10);
    assert.deepEqual(memory.early, [early('b', 2), early('c', 3)]);
    memory.prune(13, 10);
    assert.deepEqual(memory.early, []);
  });

  it('knows of nothing that is later than a clock that was set back', () => {
    const memory = new SessionMemory(
      [ended('a', 1, 'r'), ended('b', 9)],
      [asked('r', 2), asked('s', 8)],
      [early('x', 3, 'q'), early('y', 7)],
    );
    memory.setBack(5);
    assert.deepEqual(memory.ended, [ended('a', 1, 'r'), ended('b', 5)]);
    assert.deepEqual(memory.requests, [asked('r', 2), asked('s', 5)]);
    assert.deepEqual(memory.early, [early('x', 3, 'q'), early('y', 5)]);
  });
});

describe('a list that must not grow beyond so many bytes', () => {
  it('is cut at its beginning, by bytes and not by letters', () => {
    const items = ['a', '界', 'ccc'];
    for (const [bytes, left] of [
      [13, items],
      [12, ['界', 'ccc']],
      [10, ['界', 'ccc']],
      [9, ['ccc']],
      [5, ['ccc']],
      [4, []],
    ] as const) {
      assert.deepEqual(withinBytes(items, bytes), left, `${bytes} bytes`);
    }
    assert.deepEqual(withinBytes([], 0), []);
  });
});
