import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DEFAULT_STALL_LIMITS, StallMeter } from '../../workers/stall-meter.ts';

const TICK_MS = 500;

/** Seconds during which work stands still, or does not, in turn. */
function watch(
  meter: StallMeter,
  phases: readonly { readonly stands: boolean; readonly seconds: number }[],
): boolean[] {
  let nowMs = 0;
  return phases.flatMap(({ stands, seconds }) =>
    Array.from({ length: (seconds * 1_000) / TICK_MS }, () => {
      nowMs += TICK_MS;
      meter.tick(nowMs, stands);
      return meter.blocked;
    }),
  );
}

describe('a meter of blocks', () => {
  it('tells of a block within 15 s, and forgets it within 30 s after its end', () => {
    const verdicts = watch(new StallMeter(), [
      { stands: false, seconds: 10 },
      { stands: true, seconds: 60 },
      { stands: false, seconds: 40 },
    ]);
    const [first, last] = [verdicts.indexOf(true), verdicts.lastIndexOf(true)].map((tick) => (tick + 1) / 2);
    assert.ok(first !== undefined && first > 20 && first <= 25, `after ${first} s`);
    assert.ok(last !== undefined && last >= 70 && last <= 100, `until ${last} s`);
    assert.equal(verdicts.at(-1), false);
  });

  it('tells of a block that lets go for a moment now and then, as a workflow does that the SDK ends after 5 s', () => {
    const attempt = [
      { stands: true, seconds: 5 },
      { stands: false, seconds: 5 },
    ];
    const verdicts = watch(new StallMeter(), [...attempt, ...attempt, ...attempt]);
    assert.ok(verdicts.indexOf(true) < 2 * 30, `at tick ${verdicts.indexOf(true)}`);
  });

  it('calls nothing a block that is slow, short or rare', () => {
    const harmless = fc.record({
      stands: fc.constant(true),
      seconds: fc.integer({ min: 1, max: DEFAULT_STALL_LIMITS.gapMs / 1_000 - 1 }),
    });
    const rest = fc.record({ stands: fc.constant(false), seconds: fc.integer({ min: 1, max: 30 }) });
    fc.assert(
      fc.property(fc.array(fc.tuple(harmless, rest), { maxLength: 50 }), (phases) => {
        assert.ok(!watch(new StallMeter(), phases.flat()).includes(true));
      }),
    );
  });

  it('blames nobody for a pause of the whole process', () => {
    const meter = new StallMeter();
    for (const nowMs of [0, 500, 120_000, 120_500, 600_000]) meter.tick(nowMs, true);
    assert.equal(meter.blocked, false);
  });
});
