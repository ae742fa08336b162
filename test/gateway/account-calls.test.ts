import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { SessionsUnavailableError, StreamIdTakenError } from '../../client/session-errors.ts';
import { AccountCalls } from '../../gateway/watch/account-calls.ts';
import { SharedQuestion } from '../../gateway/watch/shared-question.ts';

const CALL_MS = 2;

describe('calls on accounts', () => {
  let underWay = 0;
  let busiest = 0;
  const logged: unknown[] = [];
  const logger = { warn: (line: unknown) => void logged.push(line) };
  beforeEach(() => {
    [underWay, busiest, logged.length] = [0, 0, 0];
  });

  async function answered(): Promise<string> {
    busiest = Math.max(busiest, (underWay += 1));
    await sleep(CALL_MS);
    underWay -= 1;
    return 'answer';
  }

  const never = (): Promise<never> => new Promise(() => undefined);
  const refuse = async (): Promise<never> => {
    await sleep(10 * CALL_MS);
    throw new SessionsUnavailableError('list');
  };

  it('are so many at once, the urgent ones first', async () => {
    const calls = new AccountCalls({ atOnce: 4 });
    const order: string[] = [];
    const call = async (name: string): Promise<void> => {
      await answered();
      order.push(name);
    };
    const names = Array.from({ length: 20 }, (_, index) => `usual ${index}`);
    const all = names.map((name) => calls.run(name, () => call(name)));
    all.push(calls.run('urgent', () => call('urgent'), true));
    await Promise.all(all);
    assert.equal(busiest, 4);
    assert.ok(order.indexOf('urgent') < 8, order.join(', '));
  });

  for (const [stuck, every] of [
    [1, 1],
    [1_000, 3],
    [25, 1],
  ] as const) {
    const where = every === 1 ? 'at the head' : `every ${every}rd`;
    it(`are not held up by ${stuck} accounts of 3,000 that never answer, ${where}`, async () => {
      const calls = new AccountCalls({ atOnce: 20, logger });
      const users = Array.from({ length: 3_000 }, (_, index) => `user-${index}`);
      const isStuck = (index: number): boolean => index % every === 0 && index < stuck * every;
      const asked = users.map((user, index) => calls.run(user, isStuck(index) ? never : answered));
      await Promise.all(asked.filter((_, index) => !isStuck(index)));
      assert.ok(busiest <= 20, `${busiest} at once`);
      assert.ok(logged.length <= 1, 'one line, however many');
      assert.ok(calls.unresponsive > 0 && calls.unresponsive <= stuck, `${calls.unresponsive} are named`);
    });
  }

  it('of accounts that did not answer have few turns, of which the others keep clear, until they answer', async () => {
    const calls = new AccountCalls({ atOnce: 600, logger });
    const users = Array.from({ length: 300 }, (_, index) => `stuck-${index}`);
    const fail = async (user: string): Promise<void> => {
      // Somebody is answered meanwhile, so it is not Temporal that is away.
      await Promise.all([assert.rejects(calls.run(user, refuse), SessionsUnavailableError), calls.run('ok', answered)]);
    };
    await Promise.all(users.map(fail));
    assert.equal(calls.unresponsive, 300);
    assert.deepEqual(logged, [{ accounts: 1, some: ['stuck-0'] }], 'one line, however many');

    let tried = 0;
    const again = users.map((user) =>
      calls
        .run(user, () => {
          tried += 1;
          return never();
        })
        .catch(String),
    );
    const refused = await Promise.race(again);
    assert.match(refused, /SessionsUnavailableError/, 'at once, where too many wait');
    assert.equal(tried, 10);
    for (let index = 0; index < 20; index++) assert.equal(await calls.run(`ok-${index}`, answered), 'answer');

    const other = new AccountCalls({ atOnce: 4 });
    await Promise.all([other.run('a', refuse).catch(() => undefined), other.run('b', answered)]);
    await other.run('a', answered);
    assert.equal(other.unresponsive, 0);
  });

  it('blame no account while Temporal is away, nor one that was answered with a refusal', async () => {
    const calls = new AccountCalls({ atOnce: 4 });
    const users = Array.from({ length: 40 }, (_, index) => `user-${index}`);
    await Promise.all(users.map((user) => assert.rejects(calls.run(user, refuse))));
    assert.equal(calls.unresponsive, 0);
    const taken = async (): Promise<never> => {
      await answered();
      throw new StreamIdTakenError('taken');
    };
    await Promise.all([assert.rejects(calls.run('a', taken), StreamIdTakenError), calls.run('b', answered)]);
    assert.equal(calls.unresponsive, 0);
  });

  it('that wait are given up when they are closed', async () => {
    const calls = new AccountCalls({ atOnce: 1 });
    const running = calls.run('a', answered);
    const waiting = calls.run('b', answered);
    calls.close();
    await assert.rejects(waiting, SessionsUnavailableError);
    await assert.rejects(calls.run('c', answered), SessionsUnavailableError);
    assert.equal(await running, 'answer');
  });

  it('that wait for their turn take on what else is asked of the account; later ones share the next', async () => {
    const asked: string[][] = [];
    const open = Promise.withResolvers<void>();
    const question = new SharedQuestion<string, number>(async (_user, items) => {
      const call = asked.push([...items]);
      if (call === 1) await open.promise;
      return call;
    });
    const answers = ['a', 'b', 'c', 'b'].map((item) => question.ask('alice', item));
    open.resolve();
    assert.deepEqual(await Promise.all(answers), [1, 2, 2, 2]);
    assert.deepEqual(asked, [['a'], ['b', 'c']]);
    assert.equal(await question.ask('alice', 'd'), 3);
    assert.deepEqual(asked.at(-1), ['d']);
  });
});
