import assert from 'node:assert/strict';
import { RetryGate } from '../../bridge/retry-gate.ts';
import { eventually } from '../support/eventually.ts';

const never = new AbortController().signal;

function gateWith(schedule = { initialMs: 40, maximumMs: 40 }) {
  const told: string[] = [];
  const gate = new RetryGate({
    schedule,
    onFailure: (error) => told.push(String(error)),
    onRecovery: () => told.push('recovered'),
  });
  return { gate, told };
}

describe('RetryGate', () => {
  it('lets requests through at once while they succeed', async () => {
    const { gate, told } = gateWith();
    assert.deepEqual(await Promise.all([1, 2, 3].map((n) => gate.attempt(async () => n, never))), [1, 2, 3]);
    assert.deepEqual(told, []);
  });

  it('tells of requests that failed together once', async () => {
    const { gate, told } = gateWith();
    const fail = () => gate.attempt(() => Promise.reject(new Error('down')), never);
    await Promise.allSettled([fail(), fail(), fail()]);
    assert.deepEqual(told, ['Error: down']);
    assert.equal(gate.failing, true);
  });

  it('sends one probe after the pause and the others only when it succeeded', async () => {
    const { gate, told } = gateWith();
    await assert.rejects(gate.attempt(() => Promise.reject(new Error('down')), never));
    const probe = Promise.withResolvers<void>();
    const sent: boolean[] = [];
    const waiting = [1, 2, 3].map(() =>
      gate.attempt(async (probing) => {
        sent.push(probing);
        await probe.promise;
      }, never),
    );
    await eventually(() => assert.deepEqual(sent, [true]), { intervalMs: 5 });
    probe.resolve();
    await Promise.all(waiting);
    assert.deepEqual(sent, [true, false, false]);
    assert.deepEqual(told, ['Error: down', 'recovered']);
  });

  it('passes the probe on when it fails', async () => {
    const { gate, told } = gateWith({ initialMs: 4, maximumMs: 4 });
    let requests = 0;
    const request = async () => {
      requests += 1;
      if (requests < 4) throw new Error(`down ${requests}`);
    };
    await Promise.all([gate.persist(request, never), gate.persist(request, never)]);
    assert.deepEqual(told, ['Error: down 1', 'Error: down 3', 'recovered']);
    assert.equal(gate.failing, false);
  });

  it('stops waiting when the signal aborts, and does not count that as a failure', async () => {
    const { gate, told } = gateWith({ initialMs: 60_000, maximumMs: 60_000 });
    const abort = new AbortController();
    await assert.rejects(gate.attempt(() => Promise.reject(new Error('down')), never));
    const waiting = gate.persist(async () => undefined, abort.signal);
    abort.abort();
    await assert.rejects(waiting, { name: 'AbortError' });
    assert.deepEqual(told, ['Error: down']);
  });
});
