import assert from 'node:assert/strict';
import type { StreamRecord } from '../../contracts/sessions/stream-sessions.ts';
import { afterSetBack, extended, reprieved } from '../../workflows/sessions/session-records.ts';

const LEASE_MS = 45_000;
const NOW_MS = 100_000;

/** A stream whose lease began then. */
function streamSince(leaseBeganMs: number, more: Partial<StreamRecord> = {}): StreamRecord {
  const leaseEndMs = leaseBeganMs + LEASE_MS;
  const ids = { streamId: 's', deviceId: 'd', mode: 'watched', slots: 1 } as const;
  return { ...ids, startedAtMs: 10_000, leaseMs: LEASE_MS, leaseEndMs, ...more };
}

describe('the record of a stream', () => {
  it('notes by how much a beat came after the end of the lease, and nothing of one in time', () => {
    const stream = streamSince(20_000);
    for (const beatMs of [20_000, 64_999, 65_000]) {
      assert.deepEqual(extended(stream, beatMs), streamSince(beatMs));
      assert.deepEqual(extended({ ...stream, reprieved: true, doubtMs: 7 }, beatMs), streamSince(beatMs));
    }
    for (const lateMs of [1, 2, 70_000]) {
      assert.deepEqual(extended(stream, 65_000 + lateMs), streamSince(65_000 + lateMs, { doubtMs: lateMs }));
    }
  });

  it('notes that the lease was given once more, and how much longer it is by that', () => {
    assert.deepEqual(
      reprieved(streamSince(20_000), NOW_MS),
      streamSince(NOW_MS, { reprieved: true, doubtMs: NOW_MS - 20_000 }),
    );
  });
});

describe('the record of a stream by a clock that was set back', () => {
  const BACK_MS = 20_000;
  const setBack = (stream: StreamRecord): StreamRecord => afterSetBack(stream, NOW_MS, BACK_MS, 10_000);
  const end = { reason: 'evicted', evictor: { kind: 'operator' } } as const;

  it('keeps a lease that began before, with what was doubted of it, and no later start or hand-off than there can be', () => {
    for (const leaseBeganMs of [50_000, NOW_MS]) {
      const stream = streamSince(leaseBeganMs, { doubtMs: 7 });
      assert.deepEqual(setBack(stream), stream);
      const ending = { atMs: NOW_MS + 30_000, end };
      assert.deepEqual(setBack({ ...stream, startedAtMs: NOW_MS + 9, ending }), {
        ...stream,
        startedAtMs: NOW_MS,
        ending: { atMs: NOW_MS + 10_000, end },
      });
      const soon = { ...stream, ending: { atMs: NOW_MS + 9_999, end } };
      assert.deepEqual(setBack(soon), soon);
    }
  });

  it('has a whole lease from now where that began later, and does not get it once more', () => {
    for (const leaseBeganMs of [NOW_MS + 1, NOW_MS + 15_000]) {
      assert.deepEqual(setBack(streamSince(leaseBeganMs)), streamSince(NOW_MS, { reprieved: true }));
    }
    const ending = { atMs: NOW_MS + 30_000, end };
    assert.deepEqual(
      setBack(streamSince(NOW_MS + 1, { ending })),
      streamSince(NOW_MS, { ending: { atMs: NOW_MS + 10_000, end }, reprieved: true }),
    );
  });

  it('counts its lease from the end of the one before where the wrong clock showed that as over', () => {
    const byTheClock = streamSince(NOW_MS + 15_000, { doubtMs: 2 * BACK_MS });
    const leaseEndMs = byTheClock.leaseEndMs - 2 * BACK_MS;
    assert.deepEqual(setBack(byTheClock), streamSince(leaseEndMs - LEASE_MS, { reprieved: true }));
    const byOtherCauses = streamSince(NOW_MS + 15_000, { doubtMs: 2 * BACK_MS + 1 });
    assert.deepEqual(setBack(byOtherCauses), streamSince(NOW_MS, { reprieved: true }));
  });
});
