import assert from 'node:assert/strict';
import { CircuitBreaker, TimeoutError, type CircuitBreakerOptions } from '../../gateway/redis/circuit-breaker.ts';
import { eventually } from '../support/eventually.ts';

const fails = (message = 'gone') => Promise.reject(new Error(message));
const hangs = () => new Promise<never>(() => undefined);

describe('a circuit breaker', () => {
  const breakers: CircuitBreaker[] = [];
  afterEach(() => {
    for (const breaker of breakers.splice(0)) breaker.close();
  });

  function create(options: Partial<CircuitBreakerOptions> = {}): CircuitBreaker {
    const breaker = new CircuitBreaker({ trial: () => fails(), trialEveryMs: 5, ...options });
    breakers.push(breaker);
    return breaker;
  }

  it('opens after three failures in a row, however many calls they are among', async () => {
    const breaker = create();
    for (let round = 0; round < 10; round += 1) {
      await assert.rejects(breaker.run(() => fails()));
      await assert.rejects(breaker.run(() => fails()));
      assert.equal(await breaker.run(async () => 'answer'), 'answer');
    }
    assert.equal(breaker.open, false);
    for (let failure = 0; failure < 3; failure += 1) await assert.rejects(breaker.run(() => fails('last')));
    assert.equal(breaker.open, true);
    assert.equal(breaker.reason?.message, 'last');
  });

  it('opens at the first failure that says that all fail', async () => {
    const breaker = create({ isOutage: ({ message }) => message === 'READONLY' });
    await assert.rejects(breaker.run(() => fails('odd key')));
    assert.equal(breaker.open, false);
    await assert.rejects(breaker.run(() => fails('READONLY')));
    assert.equal(breaker.open, true);
  });

  it('takes what does not answer in time for a failure, and lets nobody wait once it is open', async () => {
    const breaker = create({ timeoutMs: 20, trial: hangs });
    await Promise.all([1, 2, 3].map(() => assert.rejects(breaker.run(hangs), TimeoutError)));
    let called = 0;
    const startedMs = performance.now();
    for (let index = 0; index < 1_000; index += 1) {
      await assert.rejects(
        breaker.run(async () => (called += 1)),
        TimeoutError,
      );
    }
    assert.equal(called, 0, 'no caller is used as a trial');
    assert.ok(performance.now() - startedMs < 1_000);
  });

  it('does not take a busy process of its own for a failure, unless there is no answer for long', async () => {
    const breaker = create({ timeoutMs: 40 });
    const work = (ms: number): void => {
      for (const untilMs = performance.now() + ms; performance.now() < untilMs;);
    };
    // The answer is there, and takes some turns of the event loop to be read.
    const slowlyRead = async (): Promise<string> => {
      for (let turn = 0; turn < 3; turn += 1) {
        await new Promise((resolve) => setImmediate(resolve));
        work(60);
      }
      return 'answer';
    };
    assert.equal(await breaker.run(slowlyRead), 'answer');
    const working = setInterval(() => work(60), 1);
    await assert.rejects(breaker.run(hangs), TimeoutError);
    clearInterval(working);
  });

  it('makes one trial at a time, and closes when one succeeds', async () => {
    let trials = 0;
    let underWay = 0;
    let mended = false;
    const closed: number[] = [];
    const breaker = create({
      timeoutMs: 20,
      onClose: (openMs) => closed.push(openMs),
      trial: async () => {
        trials += 1;
        underWay += 1;
        assert.equal(underWay, 1);
        try {
          if (!mended) await fails();
        } finally {
          underWay -= 1;
        }
      },
    });
    for (let failure = 0; failure < 5; failure += 1) await assert.rejects(breaker.run(() => fails()));
    await eventually(() => assert.ok(trials >= 3));
    assert.equal(breaker.open, true);
    mended = true;
    await eventually(() => assert.equal(breaker.open, false));
    assert.equal(closed.length, 1);
    assert.equal(await breaker.run(async () => 'answer'), 'answer');
    await assert.rejects(breaker.run(() => fails()));
    assert.equal(breaker.open, false, 'failures are counted anew');
  });

  it('tries less and less often while its trials succeed and calls fail', async () => {
    const reasons: Error[] = [];
    const onOpen = (reason: Error) => void reasons.push(reason);
    const breaker = create({ failures: 1, trialEveryMs: 40, trial: async () => undefined, onOpen });
    const startedMs = performance.now();
    while (reasons.length < 4) {
      await breaker.run(() => fails()).catch(() => undefined);
      await new Promise((resolve) => setImmediate(resolve));
    }
    // 40, 80 and 160 ms.
    assert.ok(performance.now() - startedMs >= 270);
  });

  it('makes the next trial at once when told that it is worth one', async () => {
    const breaker = create({ failures: 1, trialEveryMs: 3_600_000, trial: async () => undefined });
    await assert.rejects(breaker.run(() => fails()));
    breaker.tryNow();
    await eventually(() => assert.equal(breaker.open, false));
  });
});
