import assert from 'node:assert/strict';
import type { HttpSessionsClient } from '../../client/http-sessions.ts';
import { createHttpSessionsClient } from '../../client/http-sessions.ts';
import { describeHoldEnd } from '../../client/session-hold.ts';
import type { HoldEnd } from '../../client/sessions-client.ts';
import { policyWith, wish } from '../sessions/support/policies.ts';
import { eventually } from '../support/eventually.ts';
import { problemBody, startStandInGateway, type Fault, type StandInGateway } from './support/stand-in-gateway.ts';

const LEASE_MS = 600;

describe('a held stream', () => {
  let gateway: StandInGateway;
  let sessions: HttpSessionsClient;

  beforeEach(async () => {
    gateway = await startStandInGateway(policyWith({ leaseMs: LEASE_MS, heartbeatIntervalMs: 150 }));
    sessions = createHttpSessionsClient({ url: gateway.url, token: 'header.payload.signature', timeoutMs: 1_000 });
  });
  afterEach(() => gateway.stop());

  const refusal = (status: number, code: string, more = {}): Fault => ({
    status,
    body: problemBody(status, code, more),
  });
  const always = (fault: Fault): void => void gateway.faults.push(...Array<Fault>(100).fill(fault));
  /** What the sweep of a gateway does to a stream that fell silent. */
  const expire = (userId: string, streamId: string): void =>
    gateway.ledgerOf(userId).release([{ streamId, lost: true }], Date.now());

  it('ends by a block at once, with its reason and its end', async () => {
    const held = await sessions.hold('alice', wish('one'));
    gateway.faults.push(refusal(403, 'blocked', { reason: 'chargeback', expiresAt: '2030-01-01T00:00:00.000Z' }));
    const end: HoldEnd = { reason: 'blocked', because: 'chargeback', expiresAt: '2030-01-01T00:00:00.000Z' };
    assert.deepEqual(await held.ended, end);
    assert.equal(describeHoldEnd(end), 'blocked: chargeback');
  });

  it('ends by a token that is not accepted any more when its lease is over, and says so', async () => {
    for (const [fault, end] of [
      [refusal(401, 'unauthenticated', { reason: 'expired' }), { reason: 'unauthenticated', because: 'expired' }],
      [refusal(403, 'forbidden'), { reason: 'notAllowed', because: 'it is forbidden' }],
    ] as const) {
      const held = await sessions.hold('alice', wish(end.reason));
      const began = performance.now();
      always(fault);
      assert.deepEqual(await held.ended, end);
      assert.ok(performance.now() - began >= LEASE_MS - 200, 'its lease was not given up early');
      gateway.faults.length = 0;
    }
  });

  it('goes on with a token that was renewed in time', async () => {
    const held = await sessions.hold('alice', wish('one'));
    gateway.faults.push(refusal(401, 'unauthenticated', { reason: 'expired' }));
    const beats = gateway.requests.length;
    await eventually(() => assert.ok(gateway.requests.length >= beats + 3));
    await held.release();
    assert.deepEqual(await held.ended, { reason: 'released' });
  });

  it('comes back under another id when it expired, with the content it played last, and tells its player', async () => {
    const resumed: [from: string, to: string, content: string | undefined][] = [];
    const leases: string[] = [];
    const held = await sessions.hold('alice', wish('one', { contentId: 'film', requestId: 'key', evict: ['other'] }), {
      onLease: (lease) => leases.push(lease),
      onResumed: ({ stream }, lost) => resumed.push([lost, stream.streamId, stream.contentId]),
    });
    await held.switchContent('news');
    expire('alice', 'one');
    await eventually(() => assert.equal(resumed.length, 1));
    const { streamId } = held.granted.stream;
    assert.notEqual(streamId, 'one');
    assert.deepEqual(resumed, [['one', streamId, 'news']]);
    assert.ok(leases.some((lease) => lease.startsWith(`lease of ${streamId}`)));
    await held.release();
    assert.deepEqual((await sessions.list('alice')).active, []);
  });

  it('comes back after the device slept, though the network is later than the player', async () => {
    const resumed: string[] = [];
    const held = await sessions.hold('alice', wish('one'), { onResumed: (_granted, lost) => resumed.push(lost) });
    expire('alice', 'one');
    gateway.faults.push('drop', 'drop');
    // Nothing runs meanwhile, as in a device that sleeps.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3 * LEASE_MS);
    await eventually(() => assert.deepEqual(resumed, ['one']));
    await held.release();
  });

  it('tells its player when it came back and another one had its slot', async () => {
    gateway.policy = policyWith({ leaseMs: LEASE_MS, heartbeatIntervalMs: 150, caps: { account: 1 } });
    const held = await sessions.hold('alice', wish('one'));
    expire('alice', 'one');
    await sessions.acquire('alice', wish('two'));
    const end = await held.ended;
    assert(end.reason === 'limitReached');
    assert.deepEqual(
      end.conflicts.map(({ streamId }) => streamId),
      ['two'],
    );
  });

  it('stays over when it is told to, or was ended by somebody', async () => {
    const held = await sessions.hold('alice', wish('one'), { resume: false });
    expire('alice', 'one');
    assert.deepEqual(await held.ended, { reason: 'expired' });
    const evicted = await sessions.hold('alice', wish('two'));
    await sessions.evict('alice', { streamIds: ['two'] });
    assert.equal((await evicted.ended).reason, 'evicted');
    assert.deepEqual((await sessions.list('alice')).active, []);
  });

  it('gives back what it came back to when it is released in that moment', async () => {
    const stop = new AbortController();
    const held = await sessions.hold('alice', wish('one'), { signal: stop.signal });
    expire('alice', 'one');
    const before = gateway.requests.length;
    await eventually(() => assert.ok(gateway.requests.length > before), { intervalMs: 5 });
    stop.abort();
    assert.deepEqual(await held.ended, { reason: 'released' });
    assert.deepEqual((await sessions.list('alice')).active, []);
  });

  it('keeps its content and goes on when a switch is refused', async () => {
    gateway.policy = policyWith({ leaseMs: LEASE_MS, heartbeatIntervalMs: 150, caps: { account: 3, content: 1 } });
    const held = await sessions.hold('alice', wish('one', { contentId: 'film' }));
    await sessions.acquire('alice', wish('two', { contentId: 'news' }));
    await assert.rejects(held.switchContent('news'), { name: 'StreamLimitReachedError' });
    const beats = gateway.requests.length;
    await eventually(() => assert.ok(gateway.requests.length > beats + 1));
    assert.equal((await sessions.list('alice')).active[0]?.contentId, 'film');
    await held.release();
  });
});
