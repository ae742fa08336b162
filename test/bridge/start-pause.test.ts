import assert from 'node:assert/strict';
import { StartPause } from '../../bridge/start-pause.ts';

const message = {};
const other = {};

describe('StartPause', () => {
  it('stops receiving with the first failed start and resumes with the first success', () => {
    const pause = new StartPause(60_000);
    assert.equal(pause.allowance(0), 10);
    assert.equal(pause.failed(message, 0), true);
    assert.equal(pause.failed(other, 0), false);
    assert.equal(pause.allowance(1), 0);
    assert.equal(pause.succeeded(), true);
    assert.equal(pause.succeeded(), false);
    assert.equal(pause.allowance(1), 10);
  });

  it('lets one message in each minute while every start fails', () => {
    const pause = new StartPause(60_000);
    pause.failed(message, 0);
    assert.equal(pause.allowance(59_999), 0);
    assert.equal(pause.allowance(60_000), 1);
    pause.receiving(60_000);
    assert.equal(pause.allowance(60_001), 0);
    pause.failed(message, 61_000);
    assert.equal(pause.allowance(120_000), 1);
  });

  it('ends when the last message that failed has left without a success', () => {
    const pause = new StartPause(60_000);
    pause.failed(message, 0);
    pause.failed(other, 0);
    pause.settled(message);
    assert.equal(pause.paused, true);
    pause.settled(other);
    assert.equal(pause.paused, false);
  });
});
