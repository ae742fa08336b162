import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { HAND_WRITTEN } from './hand-written/index.ts';
import { mutate } from './hand-written-run.ts';
import { mutantsOf } from './mutants.ts';
import { runOperators } from './operator-run.ts';
import { readOptions } from './options.ts';
import { unexplained, withTables } from './report.ts';
import { readResults, type MutationResults } from './results.ts';
import { TARGETS } from './targets.ts';

const ROOM = 'test/mutation/fixture/room.ts';
const DOCUMENT = 'docs/mutation-tests.md';

describe('mutation tests', function () {
  this.timeout(60_000);

  it('find what a planted gap in the tests lets through, and nothing else', async () => {
    const results = await runOperators(ROOM, { tests: ['test/mutation/fixture/planted.ts'] }, 1);
    const withOutcome = (outcome: string) =>
      results.filter((result) => result.outcome === outcome).map(({ where, change }) => `${where}: ${change}`);
    assert.deepEqual(withOutcome('survived'), ['module: 3 → 4', 'hasRoom: taken < ROOM → taken <= ROOM']);
    // Counting up to where there is no end.
    assert.deepEqual(withOutcome('timedOut'), ['countDown: left-- → left++']);
    assert.equal(withOutcome('killed').length, results.length - 3);
    const target = { tests: ['test/mutation/fixture/planted.ts'], only: ['hasRoom'] };
    assert.deepEqual(
      await runOperators(ROOM, target, 1),
      results.filter(({ where }) => where === 'hasRoom'),
    );
  });

  it('do not run where the tests fail by themselves', async () => {
    await assert.rejects(
      runOperators(ROOM, { tests: ['test/mutation/fixture/absent.ts'] }, 1),
      /do not pass without a mutant/,
    );
  });

  const changes: readonly (readonly [code: string, changes: readonly string[]])[] = [
    ['a < b;', ['a < b; → nothing', 'a < b → a <= b', 'a < b → a >= b']],
    ['x = (a ?? b) + c;', ['a ?? b → a', 'a ?? b → b', '(a ?? b) + c → (a ?? b) - c']],
    ['if (a && b) c();', ['a && b → true', 'a && b → false', 'a && b → a', 'a && b → b', 'a && b → (a) || (b)']],
    ['function f() { return g(); }', ['return g(); → return undefined;']],
    [
      'const f = () => ({ a: 1, b });',
      ['() => ({ a: 1, b }) → () => undefined', '[…] with a: 1 → without', '[…] with b → without'],
    ],
    ['f([a, ...b]);', ['[…] with a → without', '[…] with ...b → without']],
    ['f(!a, -1, 0, true);', ['!a → a', '-1 → 1', '1 → 0', '0 → 1', 'true → false']],
    ["f('', 'text', `t`);", ["'' → 'another text'", "'text' → ''", '`t` → ``']],
    ["import a from 'a';", []],
    ['f(a?.b, a?.[0]);', ['a?.b → a.b', 'a?.[0] → a[0]']],
    [
      'f(a.slice(1), a.every(f), Math.min(a));',
      ['a.slice(1) → a', 'a.every(f) → a.some(f)', 'Math.min(a) → Math.max(a)'],
    ],
    ['f(/^a+$/u);', ['/^a+$/u → /a+$/u', '/^a+$/u → /^a$/u', '/^a+$/u → /^a+/u']],
    ['f(/x(?:ab|c)/);', ['/x(?:ab|c)/ → /x(?:c)/', '/x(?:ab|c)/ → /x(?:ab)/']],
    [String.raw`f(/[ab]\d{2}/);`, [String.raw`/[ab]\d{2}/ → /[^ab]\d{2}/`, String.raw`/[ab]\d{2}/ → /[ab]\D{2}/`]],
    ['function f(a = 1) {}', ['a = 1 → a', '1 → 0']],
    ['switch (a) { case 1: b(); break; }', ['case 1: b(); break; → case 1:', 'break; → nothing']],
    ['try { a(); } catch { b(); }', ['catch { b(); } → catch {}']],
    ['x += 1;', ['x += 1; → nothing', 'x += 1 → x -= 1']],
  ];
  it('change programs in the ways that faults have', () => {
    for (const [code, expected] of changes) {
      const found = mutantsOf(code).map(({ change }) => change);
      for (const change of expected) assert.ok(found.includes(change), `${code} lacks ${change}: ${found.join('; ')}`);
      if (expected.length === 0) assert.deepEqual(found, []);
    }
  });

  it('tell changes of a kind apart by their function and their number in it', () => {
    const code = 'class A { #b() { c(1, 1); } }\nfunction d() { c(1); }';
    const names = mutantsOf(code).filter(({ change }) => change.startsWith('1 → 0'));
    assert.deepEqual(
      names.map(({ where, change }) => `${where}: ${change}`),
      ['A.#b: 1 → 0', 'A.#b: 1 → 0 (2)', 'd: 1 → 0'],
    );
    assert.equal(names[1]?.code, code.replace('1, 1', '1, 0'));
  });

  it('keep what the document says of a survivor, and ask for it where it says nothing', async () => {
    const survivors = [
      { where: 'f', change: 'a || b → `a`' },
      { where: 'f', change: '[…] with `a` → without' },
      { where: 'module', change: '/a|b/ → /a/' },
    ];
    const provenance = { date: '2026-01-31', with: 'node 1' };
    const results: MutationResults = {
      operators: { 'a.ts': { ...provenance, mutants: 9, killed: 7, timedOut: 0, survivors } },
      handWritten: { 'x or y': { ...provenance, file: 'b.ts', outcome: 'survived', test: ['c.test.ts', 'title'] } },
    };
    const parts = ['scores', 'survivors', 'hand-written'].map((part) => `<!-- ${part} --><!-- /${part} -->`);
    const empty = await withTables(`# Title\n\n${parts.join('\n\n')}\n`, results);
    assert.equal(unexplained(empty).length, 4);
    const explained = empty.replaceAll(/\|\s+\|$/gm, '| because |');
    assert.deepEqual(unexplained(explained), []);
    const again = await withTables(explained, results);
    assert.equal(again.match(/because/g)?.length, 4);
    assert.equal(await withTables(again, results), again);
    const gone = await withTables(again, { operators: {}, handWritten: {} });
    assert.equal(gone.includes('because'), false);
  });

  it('have run over all that is mutated, and the document shows what came of it, each survivor with its reason', async () => {
    const [document, results] = [await readFile(DOCUMENT, 'utf8'), await readResults()];
    assert.deepEqual(Object.keys(results.operators), Object.keys(TARGETS).toSorted());
    const byHand = HAND_WRITTEN.map(({ name, test }) => [name, test] as const);
    assert.deepEqual(
      Object.entries(results.handWritten).map(([name, { test }]) => [name, test]),
      byHand.toSorted(([left], [right]) => (left < right ? -1 : 1)),
    );
    assert.deepEqual(unexplained(document), []);
    assert.equal(await withTables(document, results), document, 'npm run mutate writes the tables');
  });

  it('have tests to run, and find the text of each mutant made by hand once', async () => {
    for (const [file, { tests }] of Object.entries(TARGETS)) {
      for (const path of [file, ...tests]) assert.ok(existsSync(path), path);
    }
    for (const mutant of HAND_WRITTEN) {
      assert.notEqual(mutate(await readFile(mutant.file, 'utf8'), mutant), '');
      const [file, title] = mutant.test;
      assert.ok((await readFile(file, 'utf8')).includes(title), `${file} has no test "${title}"`);
    }
    assert.equal(new Set(HAND_WRITTEN.map(({ name }) => name)).size, HAND_WRITTEN.length);
  });

  it('run what is asked for', () => {
    const read = (...args: string[]) => readOptions([...args, '--parallel', '3'], ['a.ts', 'b.ts'], ['one', 'other']);
    assert.deepEqual(read(), { files: ['a.ts', 'b.ts'], names: ['one', 'other'], parallel: 3 });
    assert.deepEqual(read('--operators'), { files: ['a.ts', 'b.ts'], names: [], parallel: 3 });
    assert.deepEqual(read('--hand-written'), { files: [], names: ['one', 'other'], parallel: 3 });
    assert.deepEqual(read('--file', 'b.ts'), { files: ['b.ts'], names: [], parallel: 3 });
    assert.deepEqual(read('--mutant', 'oth'), { files: [], names: ['other'], parallel: 3 });
    assert.equal(read('--help'), undefined);
    for (const wrong of [['--file', 'c.ts'], ['--mutant', 'none'], ['--parallel', '0'], ['--unknown']]) {
      assert.throws(() => readOptions(wrong, ['a.ts'], ['one']), Error, wrong.join(' '));
    }
  });
});
