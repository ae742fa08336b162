import assert from 'node:assert/strict';
import type { KillPoint } from './kill-points.ts';
import type { Lane } from './lane.ts';
import { describeCase, play, withLanes, type Case } from './matrix.ts';
import { SCENARIOS } from './scenarios.ts';

const LANES = 4;

/** One moment of each way an event may take; `npm run crash-matrix` goes through all of them. */
const CHOSEN: Readonly<Record<string, KillPoint>> = {
  post: { site: 'stream', label: 'POST /feed/user/bob/', nth: 1, phase: 'sent' },
  'comment with its parent': { site: 'temporal', label: 'DescribeWorkflowExecution', nth: 1, phase: 'after' },
  'Star that replaces a Like': { site: 'stream', label: 'DELETE /reaction/:id/', nth: 1, phase: 'after' },
  'Follow with an incomplete copy, undone': {
    site: 'stream',
    label: 'DELETE /feed/timeline/carol/following/user:bob/',
    nth: 1,
    phase: 'sent',
  },
  'Star that joins while a Like is retried': { site: 'task', label: 'requestCancelActivity', nth: 1, phase: 'before' },
  'retry of a parked Like': {
    site: 'task',
    label: 'upsertWorkflowSearchAttributes, scheduleActivity',
    nth: 1,
    phase: 'before',
  },
  'cancel of a Like that may be written': { site: 'stream', label: 'DELETE /reaction/:id/', nth: 1, phase: 'before' },
  'Like that waits for the quota': { site: 'task', label: 'scheduleActivity', nth: 1, phase: 'before' },
};

describe('an event whose worker is killed', function () {
  this.timeout(180_000);
  const results = new Map<string, ReturnType<typeof play>>();
  let playing: Promise<unknown>;

  before(async function () {
    // The first run on a machine may have to build the Temporal server.
    this.timeout(900_000);
    const cases = Object.entries(CHOSEN).map(([name, kill]): Case => {
      const scenario = SCENARIOS.find((each) => each.name === name);
      assert.ok(scenario, name);
      return { scenario, kill };
    });
    await new Promise<void>((begun) => {
      playing = withLanes(LANES, async (lanes) => {
        playInTurns(cases, lanes);
        begun();
        await Promise.all(results.values());
      });
    });
  });
  after(() => playing);

  /** Each lane takes every so-many-th case. */
  function playInTurns(cases: readonly Case[], lanes: readonly Lane[]): void {
    const last = lanes.map((): Promise<unknown> => Promise.resolve());
    for (const [index, each] of cases.entries()) {
      const lane = lanes[index % lanes.length];
      assert.ok(lane);
      const result = Promise.resolve(last[index % lanes.length]).then(() => play(each, lane));
      last[index % lanes.length] = result;
      results.set(each.scenario.name, result);
    }
  }

  for (const [name, kill] of Object.entries(CHOSEN)) {
    const scenario = SCENARIOS.find((each) => each.name === name);
    it(`ends as without: ${scenario ? describeCase({ scenario, kill }) : name}`, async () => {
      const result = await results.get(name);
      assert.deepEqual(result?.faults, []);
      assert.equal(result.killed, true, 'the moment was not reached');
    });
  }
});
