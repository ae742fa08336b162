import assert from 'node:assert/strict';
import type { FailureScope } from '../../bridge/start-failure.ts';
import { StartJudge, type StartPatience } from '../../bridge/start-judge.ts';

const PATIENCE_MS = 150_000;
const [BAD, GOOD] = [{ messageId: 'bad' }, { messageId: 'good' }];
const messages = (count: number) => Array.from({ length: count }, (_, index) => ({ messageId: `other ${index}` }));
const judgeWith = (patience?: StartPatience): StartJudge =>
  new StartJudge({ canProbe: true, ...(patience ? { patience } : {}) });

/** Lets so many messages fail at once, each for the first time. */
function crowd(judge: StartJudge, count: number, atMs: number, scope: FailureScope = 'unknown') {
  const failing = messages(count);
  for (const message of failing) judge.failed(message, scope, atMs);
  return failing;
}

describe('the patience of a StartJudge', () => {
  it('ends at the eighth refusal by name, at once', () => {
    const judge = judgeWith();
    const given = Array.from({ length: 8 }, (_, atMs) => judge.failed(BAD, 'message', atMs).giveUp);
    assert.deepEqual(given, [false, false, false, false, false, false, false, true]);
  });

  it('ends 150 seconds after the first failure that told, with the third at the earliest', () => {
    const judge = judgeWith();
    judge.failed(BAD, 'message', 0);
    judge.failed(BAD, 'message', 1);
    assert.equal(judge.failed(BAD, 'message', PATIENCE_MS - 1).giveUp, false);
    assert.equal(judge.failed(BAD, 'message', PATIENCE_MS).giveUp, true);
    const rare = judgeWith();
    rare.failed(BAD, 'message', 0);
    assert.equal(rare.failed(BAD, 'message', PATIENCE_MS).giveUp, false);
    assert.equal(rare.failed(BAD, 'message', PATIENCE_MS + 1).giveUp, true);
  });

  it('is 30 seconds at most where no room is left', () => {
    for (const [failingMs, atMs] of [
      [PATIENCE_MS, 30_000],
      [10_000, 10_000],
    ] as const) {
      const judge = judgeWith({ refusals: 99, failingMs });
      for (const early of [0, 1, atMs - 1]) assert.equal(judge.failed(BAD, 'message', early, true).giveUp, false);
      assert.equal(judge.failed(BAD, 'message', atMs, true).giveUp, true);
    }
  });

  it('counts a failure without a reason only where a probe was answered since the one before', () => {
    const judge = judgeWith({ refusals: 2, failingMs: PATIENCE_MS });
    judge.probed(true, 0, 0);
    judge.failed(BAD, 'unknown', 0);
    judge.probed(true, 0, 1);
    judge.failed(BAD, 'unknown', 1);
    judge.failed(BAD, 'unknown', 2);
    judge.probed(true, 1, 3);
    judge.failed(BAD, 'unknown', 3);
    judge.probed(true, 3, 4);
    judge.failed(BAD, 'unknown', 4);
    judge.probed(true, 5, 5);
    assert.equal(judge.failed(BAD, 'unknown', PATIENCE_MS).giveUp, false, 'the first that told was the second one');
    judge.probed(true, PATIENCE_MS, PATIENCE_MS);
    assert.equal(judge.failed(BAD, 'unknown', PATIENCE_MS + 1).giveUp, true);
  });

  it('counts no failure between two answers of the probe twice', () => {
    const judge = judgeWith();
    judge.failed(BAD, 'unknown', 0);
    judge.probed(true, 1, 1);
    for (const atMs of [2, 3, 4, PATIENCE_MS + 2]) assert.equal(judge.failed(BAD, 'unknown', atMs).giveUp, false);
  });

  it('counts no failure while starts are down', () => {
    const judge = judgeWith({ refusals: 2, failingMs: PATIENCE_MS });
    judge.failed(GOOD, 'everybody', 0);
    judge.failed(BAD, 'message', 1);
    judge.failed(BAD, 'message', 2);
    judge.succeeded(GOOD, 3);
    assert.equal(judge.failed(BAD, 'message', 4).giveUp, false);
    assert.equal(judge.failed(BAD, 'message', 5).giveUp, true);
  });

  it('wants ten failures beside starts of others where the code claims to be everybody’s', () => {
    const judge = judgeWith({ refusals: 1, failingMs: 0 });
    judge.failed(BAD, 'everybody', 0);
    for (let contradiction = 1; contradiction <= 10; contradiction++) {
      judge.succeeded(GOOD, contradiction);
      const { giveUp } = judge.failed(BAD, 'everybody', contradiction);
      assert.equal(giveUp, contradiction === 10);
      judge.probed(true, contradiction, contradiction);
      if (contradiction < 10)
        assert.equal(judge.failed(BAD, 'everybody', contradiction).giveUp, false, 'a probe is no start');
    }
  });

  it('does not end while much of what failed heals, more than ten and more than start at once', () => {
    for (const [healed, started, giveUp] of [
      [10, 0, true],
      [11, 0, false],
      [11, 1, true],
      [12, 1, false],
    ] as const) {
      for (const scope of ['unknown', 'message'] as const) {
        const judge = judgeWith({ refusals: 99, failingMs: 0 });
        for (const message of crowd(judge, 3, 0)) judge.succeeded(message, 0);
        judge.succeeded(GOOD, 0);
        for (let atMs = 0; atMs < 3; atMs++) {
          judge.failed(BAD, scope, atMs);
          judge.probed(true, atMs, atMs);
        }
        for (const message of messages(healed)) {
          judge.failed(message, 'unknown', 5);
          judge.succeeded(message, 5);
        }
        for (let index = 0; index < started; index++) judge.succeeded(GOOD, 5);
        assert.equal(judge.failed(BAD, scope, 6).giveUp, scope === 'message' || giveUp, `${healed}, ${started}`);
      }
    }
  });

  it('sets what starts against what heals from its first failure that tells', () => {
    const judge = judgeWith({ refusals: 99, failingMs: 0 });
    judge.failed(BAD, 'unknown', 0);
    judge.succeeded(GOOD, 1);
    judge.failed(BAD, 'unknown', 2);
    for (const message of messages(11)) {
      judge.failed(message, 'unknown', 3);
      judge.succeeded(message, 3);
    }
    for (const atMs of [4, 5, 6]) {
      judge.probed(true, atMs, atMs);
      assert.equal(judge.failed(BAD, 'unknown', atMs).giveUp, false);
    }
  });

  it('counts no time of an outage, to the millisecond, and all of a suspicion', () => {
    const judge = judgeWith();
    for (const atMs of [1_000, 2_000, 3_000]) judge.failed(BAD, 'message', atMs);
    judge.failed(GOOD, 'everybody', 10_000);
    assert.deepEqual([judge.state, judge.sinceMs], ['down', 10_000]);
    judge.succeeded(GOOD, 3_600_000);
    assert.deepEqual([judge.state, judge.sinceMs], ['well', 3_600_000]);
    const dueMs = 3_600_000 - 10_000 + 1_000 + PATIENCE_MS;
    assert.equal(judge.failed(BAD, 'message', dueMs - 1).giveUp, false);
    assert.equal(judge.failed(BAD, 'message', dueMs).giveUp, true);

    const suspicious = judgeWith();
    for (const atMs of [0, 1, 2]) suspicious.failed(BAD, 'message', atMs);
    crowd(suspicious, 11, 1_000);
    suspicious.succeeded(GOOD, 100_000);
    assert.equal(suspicious.failed(BAD, 'message', PATIENCE_MS).giveUp, true);
  });
});

describe('the state of a StartJudge', () => {
  it('is well at first, and suspected when more than ten different messages failed in a row', () => {
    const judge = judgeWith();
    assert.deepEqual([judge.state, judge.sinceMs, judge.ready(0)], ['well', 0, true]);
    const failing = crowd(judge, 10, 100, 'message');
    assert.equal(judge.state, 'well');
    assert.equal(judge.failed(BAD, 'message', 200).scope, 'message');
    assert.deepEqual([judge.state, judge.sinceMs], ['suspected', 200]);
    assert.deepEqual([judge.ready(200), judge.ready(30_199), judge.ready(30_200)], [true, true, false]);
    for (const scope of ['message', 'unknown'] as const) {
      assert.deepEqual(judge.failed(BAD, scope, 30_200), { scope: 'everybody', giveUp: false });
    }
    for (const message of failing) judge.settled(message, 40_000);
    assert.equal(judge.state, 'suspected');
    judge.settled(BAD, 40_000);
    assert.deepEqual([judge.state, judge.failing, judge.ready(99_999)], ['well', 0, true]);
  });

  it('is not suspected for messages that failed before the last start', () => {
    const judge = judgeWith();
    const failing = crowd(judge, 11, 0);
    assert.equal(judge.state, 'suspected');
    judge.succeeded(GOOD, 1);
    for (const message of failing) judge.failed(message, 'unknown', 2);
    assert.equal(judge.state, 'well');
  });

  it('is down by what a code or a failed probe says, and then only a refusal by name is the message’s own', () => {
    for (const say of [
      (judge: StartJudge) => judge.failed(GOOD, 'everybody', 5),
      (judge: StartJudge) => judge.probed(false, 5, 5),
    ]) {
      const judge = judgeWith();
      judge.failed(BAD, 'unknown', 0);
      say(judge);
      assert.deepEqual([judge.state, judge.ready(5)], ['down', false]);
      assert.equal(judge.failed(BAD, 'unknown', 6).scope, 'everybody');
      assert.equal(judge.failed(BAD, 'message', 6).scope, 'message');
    }
  });

  it('takes a failure without a reason for everybody’s where no probe can tell, and no refusal by name', () => {
    const judge = new StartJudge({ canProbe: false });
    const refused = crowd(judge, 11, 0, 'message');
    assert.equal(judge.state, 'suspected');
    for (const message of refused) judge.settled(message, 0);
    judge.failed(GOOD, 'unknown', 1);
    assert.equal(judge.state, 'down');
    const doubting = judgeWith();
    doubting.failed(BAD, 'message', 0);
    doubting.probed(false, 1, 1);
    doubting.succeeded(GOOD, 2);
    assert.equal(doubting.state, 'well');
    doubting.failed({ messageId: 'another' }, 'unknown', 3);
    assert.equal(doubting.state, 'down');
  });

  it('hears a failed probe only while something fails, and no probe from before the last success', () => {
    const judge = judgeWith();
    judge.probed(false, 0, 0);
    assert.equal(judge.state, 'well');
    judge.succeeded(GOOD, 10);
    judge.failed(BAD, 'unknown', 11);
    judge.probed(false, 9, 12);
    judge.probed(false, 10, 12);
    assert.equal(judge.state, 'well');
    judge.probed(false, 11, 12);
    assert.equal(judge.state, 'down');
  });

  it('is well again by what told of it: an answered probe, where a probe had, and a start in any case', () => {
    const byProbe = judgeWith();
    byProbe.failed(BAD, 'unknown', 0);
    byProbe.probed(false, 1, 1);
    byProbe.failed(GOOD, 'everybody', 2);
    byProbe.probed(true, 3, 3);
    assert.equal(byProbe.state, 'well');
    const byStarts = judgeWith();
    byStarts.failed(BAD, 'everybody', 0);
    byStarts.probed(false, 1, 1);
    byStarts.probed(true, 2, 2);
    assert.equal(byStarts.state, 'down');
    byStarts.succeeded(GOOD, 3);
    assert.equal(byStarts.state, 'well');
  });
});

describe('what a StartJudge counts in a crowd', () => {
  const patience = { refusals: 2, failingMs: PATIENCE_MS };

  it('is no failure of the eleventh in a row, though the ten before have left', () => {
    const judge = judgeWith(patience);
    for (const message of crowd(judge, 10, 0, 'message')) judge.settled(message, 0);
    judge.failed(BAD, 'message', 1);
    judge.succeeded(GOOD, 2);
    assert.equal(judge.failed(BAD, 'message', 3).giveUp, false);
    assert.equal(judge.failed(BAD, 'message', 4).giveUp, true);
  });

  it('is one failure for each start of another message while more than ten fail', () => {
    const judge = judgeWith({ refusals: 3, failingMs: PATIENCE_MS });
    const failing = crowd(judge, 10, 0, 'message');
    judge.failed(BAD, 'message', 0);
    judge.succeeded(GOOD, 1);
    for (let again = 0; again < 5; again++) assert.equal(judge.failed(BAD, 'message', 2).giveUp, false);
    judge.succeeded(GOOD, 3);
    assert.equal(judge.failed(BAD, 'message', 4).giveUp, false);
    for (const message of failing) judge.settled(message, 5);
    assert.equal(judge.failed(BAD, 'message', 6).giveUp, true);
  });
});

describe('a message that failed', () => {
  it('may stand aside when its failure is its own: by name, beside a start, or when a probe was answered since', () => {
    const judge = judgeWith();
    assert.equal(judge.mayStandAside(BAD), false, 'it has not failed');
    judge.failed(BAD, 'unknown', 0);
    assert.equal(judge.mayStandAside(BAD), false);
    judge.failed(BAD, 'message', 1);
    assert.equal(judge.mayStandAside(BAD), true);
    const beside = judgeWith();
    beside.failed(BAD, 'unknown', 0);
    beside.succeeded(GOOD, 1);
    beside.failed(BAD, 'unknown', 2);
    assert.equal(beside.mayStandAside(BAD), true);
    const probed = judgeWith();
    crowd(probed, 11, 0);
    probed.failed(BAD, 'unknown', 1);
    probed.probed(true, 0, 2);
    assert.equal(probed.mayStandAside(BAD), false);
    probed.probed(true, 1, 2);
    assert.equal(probed.mayStandAside(BAD), true);
    probed.failed(BAD, 'unknown', 5);
    assert.equal(probed.mayStandAside(BAD), false);
    const refused = judgeWith();
    crowd(refused, 11, 0);
    refused.failed(BAD, 'message', 1);
    assert.equal(refused.mayStandAside(BAD), true);
  });
});
