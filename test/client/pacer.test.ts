import assert from 'node:assert/strict';
import { Pacer } from '../../client/pacer.ts';

describe('a pacer', () => {
  it('gives no more turns than its rate allows', async () => {
    const pacer = new Pacer({ ratePerSecond: 100 });
    const begun = performance.now();
    for (let turn = 0; turn < 21; turn++) assert.ok(await pacer.turn());
    assert.ok(performance.now() - begun >= 195, '20 pauses of 10 ms');
  });

  it('keeps its pace among callers that wait at the same time', async () => {
    const pacer = new Pacer({ ratePerSecond: 100 });
    const begun = performance.now();
    await Promise.all(Array.from({ length: 11 }, () => pacer.turn()));
    assert.ok(performance.now() - begun >= 95);
  });

  it('ends a wait when it is aborted', async () => {
    const abort = new AbortController();
    const pacer = new Pacer({ ratePerSecond: 0.01, signal: abort.signal });
    assert.equal(await pacer.turn(), true);
    const waiting = pacer.turn();
    abort.abort();
    assert.equal(await waiting, false);
    assert.equal(await pacer.turn(), false);
  });

  it('refuses a rate that is not above 0', () => {
    for (const ratePerSecond of [0, -1, Number.NaN]) assert.throws(() => new Pacer({ ratePerSecond }), RangeError);
  });
});
