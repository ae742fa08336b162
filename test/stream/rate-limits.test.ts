import assert from 'node:assert/strict';
import fc from 'fast-check';
import { NO_USAGE, type Usage, consume } from '../../local/stream/rate-limits.ts';

const QUOTA = { minute: 3, quarterHour: 5, hour: 7 };
const LENGTHS = { minute: 60, quarterHour: 900, hour: 3600 } as const;

describe('Stream server: rate-limit windows', () => {
  it('let through exactly what fits into all three windows', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 60 }), (gaps) => {
        let [usage, now]: [Usage, number] = [NO_USAGE, 1_700_000_000];
        const passed: number[] = [];
        for (const gap of gaps) {
          now += gap;
          const fits = (['minute', 'quarterHour', 'hour'] as const).every(
            (name) => passed.filter((time) => sameWindow(time, now, LENGTHS[name])).length < QUOTA[name],
          );
          const taken = consume(usage, QUOTA, now);
          usage = taken.usage;
          assert.equal(taken.state.allowed, fits);
          assert.ok(taken.state.resetSeconds > now && taken.state.resetSeconds <= now + LENGTHS.hour);
          if (fits) passed.push(now);
        }
      }),
    );
  });

  it('say when a refused caller may come again, and are right about it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000 }), (offset) => {
        const now = 1_700_000_000 + offset;
        let usage: Usage = NO_USAGE;
        for (let n = 0; n < QUOTA.minute; n += 1) usage = consume(usage, QUOTA, now).usage;
        const refused = consume(usage, QUOTA, now);
        assert.equal(refused.state.allowed, false);
        assert.equal(consume(refused.usage, QUOTA, refused.state.resetSeconds - 1).state.allowed, false);
        assert.equal(consume(refused.usage, QUOTA, refused.state.resetSeconds).state.allowed, true);
      }),
    );
  });
});

function sameWindow(one: number, other: number, seconds: number): boolean {
  return Math.floor(one / seconds) === Math.floor(other / seconds);
}
