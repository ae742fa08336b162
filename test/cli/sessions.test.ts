import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { SessionsClient } from '../../client/sessions-client.ts';
import { policyWith, wish } from '../sessions/support/policies.ts';
import { startSessionsWorker, type SessionsFixture } from '../sessions/support/sessions-worker.ts';
import { CliFixture, runWords } from './support.ts';

describe('the commands for sessions', function () {
  this.timeout(60_000);
  let fixture: SessionsFixture;
  let sessions: SessionsClient;
  let cli: CliFixture;
  let userId: string;

  before(async function () {
    // The first run on a machine may have to build the Temporal server.
    this.timeout(900_000);
    fixture = await startSessionsWorker();
    sessions = fixture.sessions({ policy: policyWith() });
    cli = await CliFixture.create();
  });
  beforeEach(() => {
    userId = randomUUID();
  });
  after(async () => {
    await cli.remove();
    await fixture.stop();
  });

  it('list the streams of a user, and why others ended', async () => {
    await sessions.acquire(userId, wish('one', { deviceType: 'tv', contentId: 'film' }));
    await sessions.acquire(userId, wish('two'));
    await sessions.release(userId, 'two');
    const { code, stdout } = await cli.run(['sessions', 'list', userId]);
    assert.equal(code, 0);
    assert.match(stdout, /^1 of 3 slots in use$/m);
    assert.match(stdout, /^one +device of one +tv +film +1 +20\S+ \S+Z +20\S+ \S+Z +direct$/m);
    assert.match(stdout, /^two +device of two +20\S+ \S+Z +released$/m);
    const { data } = await cli.json(['sessions', 'list', userId]);
    assert.equal(Reflect.get(Object(data), 'active')[0].streamId, 'one');
    assert.equal((await cli.run(['sessions', 'list', randomUUID()])).stdout, 'No active streams.\n');
  });

  it('evict the named streams, or all, and tell the players by whom and why', async () => {
    for (const id of ['one', 'two', 'three']) await sessions.acquire(userId, wish(id));
    const words = ['sessions', 'evict', userId, '--by', 'kim', '--reason', 'lost phone'];
    const named = await cli.run([...words, '--stream', 'one', '--stream', 'nobody']);
    assert.equal(named.code, 1);
    assert.match(named.stdout, /^Evicted 1 stream\.$/m);
    assert.match(named.stdout, /^one .* evicted by kim: lost phone$/m);
    assert.match(named.stdout, /^not active: nobody \(not known\)$/m);
    const [beat] = await sessions.heartbeat(userId, 'one');
    const evictor = { kind: 'operator', by: 'kim', reason: 'lost phone' };
    assert.deepEqual(beat, { streamId: 'one', alive: false, end: { reason: 'evicted', evictor } });

    const { code, data } = await cli.json(['sessions', 'evict', userId]);
    assert.equal(code, 0);
    assert.equal(Reflect.get(Object(data), 'evicted').length, 2);
    assert.match((await cli.run(['sessions', 'evict', userId])).stdout, /Nothing was evicted/);
    assert.match(
      (await cli.run(['sessions', 'evict', userId, '--stream', 'one'])).stdout,
      /one \(evicted by kim: lost/,
    );
  });

  it('release a stream, or one slot of a registration', async () => {
    const counted = { mode: 'counted' } as const;
    await sessions.acquire(userId, wish('one'));
    await sessions.acquire(userId, wish('tv', counted));
    await sessions.acquire(userId, wish('tv', counted));
    assert.match((await cli.run(['sessions', 'release', userId, 'one'])).stdout, /^Not active any more: released\.$/m);
    assert.equal((await cli.run(['sessions', 'release', userId, 'tv'])).stdout, 'Released; 1 left of it.\n');
    const { code, data } = await cli.json(['sessions', 'release', userId, 'tv']);
    assert.deepEqual([code, data], [0, { userId, streamId: 'tv', slots: 0, end: { reason: 'released' } }]);
    const unknown = await cli.run(['sessions', 'release', userId, 'nobody']);
    assert.deepEqual([unknown.code, unknown.stdout], [1, 'Not active any more: not known.\n']);
  });

  it('refuse what they cannot use', async () => {
    const cases: [words: string[], message: RegExp][] = [
      [['list'], /exactly one user id/],
      [['evict', userId, 'one'], /exactly one user id/],
      [['evict', userId, '--by', ' '], /--by: must not be empty/],
      [['release', userId], /exactly a user id and a stream id/],
    ];
    for (const [words, message] of cases) {
      const { code, stderr } = await runWords(['sessions', ...words]);
      assert.equal(code, 2, words.join(' '));
      assert.match(stderr, message);
    }
    await sessions.acquire(userId, wish('one'));
    const long = await cli.run(['sessions', 'evict', userId, '--stream', 'x'.repeat(256)]);
    assert.equal(long.code, 2);
    assert.match(long.stderr, /streamIds must be a list of stream ids/);
  });
});
