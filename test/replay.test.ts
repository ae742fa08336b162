import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { bundleWorkflowCode } from '@temporalio/worker';
import { z } from 'zod';
import { runProcess } from './cli/support.ts';
import { SESSION_SHAPES } from './histories/session-shapes.ts';
import { SHAPES } from './histories/shapes.ts';
import { sharedWorkflowBundle } from './support/workflow-bundle.ts';

const HISTORIES = path.join(import.meta.dirname, 'histories');
const resultsSchema = z.array(
  z.object({
    workflowId: z.string(),
    file: z.string(),
    outcome: z.enum(['same', 'diverged', 'failed']),
    eventId: z.number().optional(),
    reason: z.string().optional(),
  }),
);

describe('replay of the checked-in histories', function () {
  this.timeout(60_000);
  let directory: string;
  let files: string[];

  before(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'replay-'));
    const folders = ['.', 'first-version', 'sessions-before-holding', 'tctl'].map((folder) =>
      path.join(HISTORIES, folder),
    );
    const names = await Promise.all(folders.map((folder) => jsonFilesIn(folder)));
    files = names.flat();
  });
  after(() => rm(directory, { recursive: true, force: true }));

  /** In a process of its own, as the SDK allows one runtime for each and other tests set theirs up. */
  const replay = async (bundle: string, histories: readonly string[]) => {
    const words = ['replay', '--json', '--bundle', bundle, ...histories.flatMap((file) => ['--history', file])];
    const { code, stdout, stderr } = await runProcess(words);
    return { code, stderr, results: stdout === '' ? [] : resultsSchema.parse(JSON.parse(stdout)) };
  };

  it('there is one for every shape of workflow', () => {
    const recorded = files
      .filter((file) => path.dirname(file) === HISTORIES)
      .map((file) => path.basename(file, '.json'));
    assert.deepEqual(recorded.toSorted(), Object.keys({ ...SHAPES, ...SESSION_SHAPES }).toSorted());
    assert.ok(files.length > recorded.length, 'and those of the first version, and some as tctl wrote them');
  });

  it('the present code does what every history says', async () => {
    const { code, results, stderr } = await replay(await sharedWorkflowBundle(), files);
    assert.deepEqual(
      results.filter(({ outcome }) => outcome !== 'same'),
      [],
      'workflows of these shapes that are open during a deploy would stop; see patched() in the SDK',
    );
    assert.equal(results.length, files.length, stderr);
    assert.equal(code, 0);
  });

  it('a change of the code that breaks them is caught, with the event where it does', async () => {
    const bundle = path.join(directory, 'changed.js');
    const workflowsPath = path.join(HISTORIES, 'changed-workflows.ts');
    const { code: changed } = await bundleWorkflowCode({ workflowsPath, logger: QUIET });
    await writeFile(bundle, changed);
    const { code, results } = await replay(bundle, files);
    assert.equal(code, 1);
    assert.equal(results.length, files.length);
    for (const { outcome, file, eventId, reason } of results) {
      assert.equal(outcome, 'diverged', file);
      assert.ok(eventId !== undefined && eventId > 1, `${file} at ${eventId}: ${reason}`);
      assert.match(reason ?? '', /Nondeterminism/, file);
    }
  });

  it('a file that is no history is named', async () => {
    const file = path.join(directory, 'broken.json');
    await writeFile(file, '{"events": [{"eventId": "1"}]}');
    const { code, stderr } = await replay(await sharedWorkflowBundle(), [file]);
    assert.equal(code, 2);
    assert.match(stderr, /broken\.json: entry 1 of the history is not an event/);
  });
});

const ignore = (): void => undefined;
const QUIET = { log: ignore, trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore };

async function jsonFilesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names.filter((name) => name.endsWith('.json')).map((name) => path.join(folder, name));
}
