import assert from 'node:assert/strict';
import { Dependency, DependencyAwayError, type DependencyOptions } from '../../contracts/shared/dependency.ts';
import { eventually } from '../support/eventually.ts';

/** Readiness has to tell within this. */
const KNOWN_MS = 15_000;

describe('a dependency that is watched', function () {
  this.timeout(60_000);
  const open: Dependency[] = [];
  afterEach(async () => {
    for (const dependency of open.splice(0)) await dependency.close();
  });

  function watch(probe: DependencyOptions['probe'], options: Partial<DependencyOptions> = {}) {
    const lines: string[] = [];
    const log = (_facts: object, message: string): void => void lines.push(message);
    const dependency = new Dependency({
      name: 'store',
      advice: 'The store does not answer; start it',
      logger: { info: log, warn: log },
      probe,
      ...options,
    });
    open.push(dependency);
    return { dependency, lines };
  }

  it('is waited for, however often it fails, with a line that says what to do', async () => {
    let failures = 3;
    const { dependency, lines } = watch(async () => {
      if (failures-- > 0) throw new Error('connect ECONNREFUSED 127.0.0.1:1');
    });
    assert.equal(dependency.available, false, 'nothing is known yet');
    await dependency.answered(AbortSignal.timeout(30_000));
    assert.equal(dependency.available, true);
    assert.deepEqual(lines, ['waiting: The store does not answer; start it: Connection refused', 'store answers']);
    assert.partialDeepStrictEqual(dependency.state(), { name: 'store', available: true });
    assert.match(dependency.state().lastSuccess ?? '', /^20\d\d-/);
    assert.match(dependency.state().lastFailure?.error ?? '', /ECONNREFUSED/);
  });

  it('is known to be away within 15 s when it hangs, is asked once at a time, and is back by itself', async () => {
    let hangs = false;
    let [underWay, most] = [0, 0];
    const probe = async (signal: AbortSignal): Promise<void> => {
      underWay += 1;
      most = Math.max(most, underWay);
      if (hangs)
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      underWay -= 1;
    };
    // Whatever it may refuse with, silence is no refusal.
    const { dependency } = watch(probe, { mayPass: () => false });
    await dependency.answered(AbortSignal.timeout(5_000));
    hangs = true;
    await eventually(() => assert.equal(dependency.available, false), { timeoutMs: KNOWN_MS });
    assert.match(dependency.state().lastFailure?.error ?? '', /no answer within 4 s/);
    hangs = false;
    await eventually(() => assert.equal(dependency.available, true), { timeoutMs: KNOWN_MS });
    assert.equal(most, 1);
  });

  it('is not away for one failure', async () => {
    let asked = 0;
    const { dependency, lines } = watch(async () => {
      asked += 1;
      if (asked === 2) throw new Error('a packet was lost');
    });
    await eventually(() => {
      assert.ok(asked >= 3);
      if (dependency.state().lastSuccess !== undefined) assert.equal(dependency.available, true);
    });
    assert.deepEqual(lines, []);
  });

  it('ends the waiting with its advice when that is asked for', async () => {
    const { dependency } = watch(async () => {
      throw new Error('no route');
    });
    const stopping = new AbortController();
    const waiting = dependency.startWith(() => Promise.resolve(), stopping.signal);
    await eventually(() => assert.ok(dependency.state().lastFailure));
    stopping.abort();
    await assert.rejects(waiting, (error) => {
      assert.ok(error instanceof DependencyAwayError);
      assert.equal(error.message, 'The store does not answer; start it: no route');
      return true;
    });
  });

  it('does not wait for what waiting does not mend', async () => {
    const refused = new Error('wrong password');
    const { dependency } = watch(() => Promise.reject(refused), { mayPass: (error) => error !== refused });
    const never = AbortSignal.timeout(30_000);
    await assert.rejects(dependency.usable(never), /^Error: The store does not answer; start it: wrong password$/);
    await assert.rejects(
      dependency.startWith(() => Promise.reject(refused), never),
      refused,
    );
  });

  it('makes a start again for as long as that fails because it is away', async () => {
    let attempts = 0;
    const { dependency } = watch(() => Promise.resolve());
    const started = await dependency.startWith(async () => {
      attempts += 1;
      if (attempts < 3) throw new Error('just gone');
      return 'started';
    }, AbortSignal.timeout(30_000));
    assert.deepEqual([started, attempts], ['started', 3]);
  });
});
