import assert from 'node:assert/strict';
import { createAbuseWatch, type AbuseWatchOptions } from '../../gateway/blacklist/abuse-watch.ts';
import { expiryOf, type Block } from '../../gateway/blacklist/block.ts';
import { openMemoryBlacklist } from '../../gateway/blacklist/memory-blacklist.ts';
import { InvalidNetworkError } from '../../gateway/ip-address.ts';
import { StoreUnavailableError } from '../../gateway/redis/connection.ts';

const silent = { warn: () => undefined };
const abuser = { kind: 'address', value: '2001:db8::1' } as const;

async function setUp(options: Partial<AbuseWatchOptions> = {}) {
  const blacklist = await openMemoryBlacklist();
  const blocks: Block[] = [];
  const clock = { nowMs: 0 };
  const watch = createAbuseWatch({
    blacklist,
    logger: silent,
    policy: { strikes: 5, windowMs: 10_000, blockMs: 1_000, maxBlockMs: 5_000, forgetOffenceMs: 1_000_000 },
    nowMs: () => clock.nowMs,
    onBlock: (block) => blocks.push(block),
    ...options,
  });
  const strike = async (times: number, subject: Parameters<typeof watch.strike>[0] = abuser) => {
    for (let index = 0; index < times; index += 1) watch.strike(subject, 'bad tokens');
    await watch.idle();
  };
  return { blacklist, blocks, clock, watch, strike };
}

const durationOf = (block: Block | undefined) => block && expiryOf(block) - Date.parse(block.createdAt);

describe('abuse', () => {
  it('leads to a block for a time, of the whole /64, with its reason', async () => {
    const { blacklist, blocks, strike } = await setUp();
    await strike(4);
    assert.equal(blacklist.find({ address: abuser.value }), undefined);
    await strike(1, { kind: 'address', value: '2001:db8::2' });
    const block = blacklist.find({ address: '2001:db8::3' });
    assert.deepEqual([block?.by, block?.reason, durationOf(block)], ['automatic', 'abuse: bad tokens', 1_000]);
    assert.deepEqual(blocks, [block]);
  });

  it('does not count what is spread over a longer time', async () => {
    const { blacklist, strike, clock } = await setUp();
    for (let index = 0; index < 50; index += 1) {
      await strike(1);
      clock.nowMs += 2_500;
    }
    assert.deepEqual(blacklist.list(), []);
  });

  it('doubles the block with each offence, up to the longest', async () => {
    const { blacklist, blocks, strike, clock } = await setUp();
    for (let offence = 0; offence < 5; offence += 1) {
      await strike(5);
      await blacklist.unblock('address', abuser.value);
      clock.nowMs += 20_000;
    }
    assert.deepEqual(blocks.map(durationOf), [1_000, 2_000, 4_000, 5_000, 5_000]);
    clock.nowMs += 100_000_000;
    await strike(5);
    assert.equal(durationOf(blocks.at(-1)), 1_000, 'forgotten');
  });

  it('is one offence however many requests are under way', async () => {
    const { blocks, strike } = await setUp();
    await strike(500);
    assert.deepEqual(blocks.map(durationOf), [1_000]);
  });

  it('never blocks whom it must not', async () => {
    const { blacklist, strike } = await setUp({ neverBlock: ['2001:db8::/32'] });
    await strike(100);
    await strike(100, { kind: 'address', value: 'unknown' });
    assert.deepEqual(blacklist.list(), []);
    await strike(100, { kind: 'user', value: 'alice' });
    assert.equal(blacklist.list().length, 1);
    await assert.rejects(setUp({ neverBlock: ['proxies'] }), InvalidNetworkError);
  });

  it('tries again with the next strike when the block could not be made', async () => {
    const memory = await openMemoryBlacklist();
    let away = true;
    const blacklist = {
      find: memory.find.bind(memory),
      unblock: memory.unblock.bind(memory),
      list: memory.list.bind(memory),
      close: memory.close.bind(memory),
      size: 0,
      loaded: true,
      async block(block: Block) {
        if (away) throw new StoreUnavailableError(new Error('gone'));
        return await memory.block(block);
      },
    };
    const { strike, blocks } = await setUp({ blacklist });
    await strike(7);
    assert.deepEqual(blocks, []);
    away = false;
    await strike(1);
    assert.deepEqual(blocks.map(durationOf), [1_000], 'still the first offence');
  });

  it('drops strikes beyond what is counted at a time', async () => {
    const { blacklist, watch } = await setUp({ maxPending: 3 });
    for (let index = 0; index < 100; index += 1) watch.strike(abuser, 'bad tokens');
    await watch.idle();
    assert.deepEqual(blacklist.list(), []);
  });
});
