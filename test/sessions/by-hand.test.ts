import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Payload } from '@temporalio/common';
import { InvalidSessionRequestError } from '../../client/session-errors.ts';
import { WORKFLOW_TYPES } from '../../contracts/shared/names.ts';
import type { SessionPolicy } from '../../contracts/sessions/session-limits.ts';
import { streamSessionsWorkflowId } from '../../contracts/sessions/stream-sessions.ts';
import { byHand, type ByHand } from '../workflows/support/by-hand.ts';
import { payload, SENT_ARGUMENTS } from '../workflows/support/payloads.ts';
import { policyWith, wish } from './support/policies.ts';
import { startSessionsWorker, type SessionsFixture } from './support/sessions-worker.ts';

const json = (value: unknown): Payload => payload('json/plain', JSON.stringify(value));

describe('an account that is sent something by hand', function () {
  this.timeout(120_000);
  let fixture: SessionsFixture;
  let hand: ByHand;

  before(async function () {
    this.timeout(900_000);
    fixture = await startSessionsWorker();
    hand = byHand(fixture.client);
  });
  after(() => fixture.stop());

  /** From its history, by another worker. */
  const madeAnew = async (): Promise<void> => {
    await fixture.stopWorker();
    await fixture.startWorker();
  };

  it('takes no harm from a signal with whatever in it, and notes it', async () => {
    const sessions = fixture.sessions({ policy: policyWith() });
    const userIds = await Promise.all(
      SENT_ARGUMENTS.map(async ({ payloads }) => {
        const userId = randomUUID();
        const id = streamSessionsWorkflowId(userId);
        await sessions.acquire(userId, wish('a'));
        for (const signal of ['heartbeat', 'release', 'nobody-knows-it']) await hand.signal(id, signal, payloads);
        await sessions.acquire(userId, wish('b'));
        return userId;
      }),
    );
    await madeAnew();
    for (const [index, userId] of userIds.entries()) {
      const { active } = await sessions.list(userId);
      assert.deepEqual(
        active.map(({ streamId }) => streamId),
        ['a', 'b'],
      );
      const isEmptyList = SENT_ARGUMENTS[index]?.name === 'an empty list';
      if (!isEmptyList)
        assert.match(await hand.details(streamSessionsWorkflowId(userId)), /Ignored: of a signal release at /);
      await hand.noTaskFailed(streamSessionsWorkflowId(userId));
    }
  });

  it('takes what the Web UI encodes in its own way, and of a list what can be used', async () => {
    const userId = randomUUID();
    const id = streamSessionsWorkflowId(userId);
    const sessions = fixture.sessions({ policy: policyWith() });
    for (const streamId of ['a', 'b']) await sessions.acquire(userId, wish(streamId));
    await hand.signal(id, 'release', [payload('json/protobuf', '[{"streamId": "a"}, {"streamId": 7}, null]')]);
    assert.deepEqual((await sessions.list(userId)).ended[0]?.streamId, 'a');
    assert.match(await hand.details(id), /Ignored: of a signal release at .*, 2 of 3 streams/);
  });

  it('ends nothing by an eviction that cannot be read or names a field that is none', async () => {
    const userId = randomUUID();
    const id = streamSessionsWorkflowId(userId);
    const sessions = fixture.sessions({ policy: policyWith() });
    await sessions.acquire(userId, wish('a'));
    const misread = [{ streamids: ['b'] }, { streamIds: null }, { streamIds: 'a' }, { streamIds: [7] }, { by: 7 }];
    const sent = [
      ...misread.map((value) => [json(value)]),
      ...SENT_ARGUMENTS.filter(({ name, isRequest }) => !isRequest || name.startsWith('n')).map(
        ({ payloads }) => payloads,
      ),
    ];
    for (const payloads of sent) assert.notEqual(await hand.update(id, 'evict', payloads), 'done');
    assert.equal((await sessions.list(userId)).active.length, 1);
    await hand.update(id, 'evict', [json({ streamIds: ['a'], by: null, reason: 'half of a \ud83d' })]);
    const [ended] = (await sessions.list(userId)).ended;
    assert.deepEqual(ended?.end, { reason: 'evicted', evictor: { kind: 'operator', reason: 'half of a \ufffd' } });
    await hand.noTaskFailed(id);
  });

  it('refuses an acquire by policies and ids that cannot work, and goes on', async () => {
    const userId = randomUUID();
    const policy = policyWith();
    const good = fixture.sessions({ policy });
    await good.acquire(userId, wish('one'));
    const policies: readonly unknown[] = [
      { ...policy, version: 99, leaseMs: 1e300 },
      { ...policy, version: 1.5 },
      { ...policy, version: 99, idleCloseMs: -1 },
      { ...policy, version: 99, caps: { account: 'three' } },
      { ...policy, version: 99, caps: { account: 3, deviceTypes: { tv: '1' } } },
      { ...policy, version: 99, plans: { basic: { content: 1e9 } } },
      { ...policy, version: 99, plans: 'none' },
      { ...policy, version: 99, overLimit: 'ask' },
      { ...policy, version: 99, shadow: {} },
      { ...policy, version: 99, note: 'x'.repeat(70_000) },
      null,
    ];
    for (const bad of policies) {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what a caller without types may send
      const sessions = fixture.sessions({ policy: bad as SessionPolicy });
      await assert.rejects(sessions.acquire(userId, wish('two')), InvalidSessionRequestError, JSON.stringify(bad));
    }
    const ids = ['', 'x'.repeat(256), 'a\nb', 'a\u0000', '\ud83d', '\u007f'];
    for (const id of ids) {
      await assert.rejects(good.acquire(userId, wish('two', { streamId: id })), InvalidSessionRequestError);
      await assert.rejects(good.acquire(userId, wish('two', { contentId: id })), InvalidSessionRequestError);
      await assert.rejects(good.acquire(id, wish('two')), InvalidSessionRequestError);
      await assert.rejects(good.list(id), InvalidSessionRequestError);
    }
    const long = '界'.repeat(255);
    const all = { deviceId: long, contentId: long, deviceType: long, requestId: long };
    await assert.rejects(good.acquire(userId, wish(long, all)), /2048 bytes together/);
    await madeAnew();
    assert.equal((await good.acquire(userId, wish('three'))).active, 2);
    await hand.noTaskFailed(streamSessionsWorkflowId(userId));
  });

  it('has room for user ids of 255 characters, whatever they are', async () => {
    const sessions = fixture.sessions({ policy: policyWith() });
    const filler = randomUUID();
    for (const character of ['界', '%', '/', ' ', 'é', '😀', '\u3000']) {
      const userId = `${filler}${character}`.padEnd(254, character);
      await sessions.acquire(userId, wish('a'));
      assert.equal((await sessions.list(userId)).active.length, 1, character);
    }
  });

  it('goes on when it was started with whatever, as the first acquire would find it', async () => {
    const sessions = fixture.sessions({ policy: policyWith() });
    const nonsense = [
      { carried: {} },
      { carried: { nowMs: 1e300, touchedAtMs: 0 } },
      {
        carried: {
          nowMs: 1,
          touchedAtMs: 1,
          streams: [null, { streamId: 'x', leaseEndMs: 'soon' }],
          ended: 7,
          requests: [{}],
        },
      },
      { carried: { nowMs: 1, touchedAtMs: 1, policy: { leaseMs: 1e300 }, notices: [1], early: {}, shadow: [] } },
      { continueAfterMessages: -1 },
      { continueAfterMessages: 1e12 },
    ];
    const inputs = [...SENT_ARGUMENTS.map(({ payloads }) => payloads), ...nonsense.map((value) => [json(value)])];
    await Promise.all(
      inputs.map(async (payloads) => {
        const userId = randomUUID();
        const id = streamSessionsWorkflowId(userId);
        await hand.start(id, fixture.taskQueue, payloads, WORKFLOW_TYPES.streamSessions);
        assert.equal((await sessions.acquire(userId, wish('a'))).active, 1);
        await hand.noTaskFailed(id);
      }),
    );
  });
});
