import assert from 'node:assert/strict';
import { findFaults } from '../../.ci/imports.ts';

describe('the check of imports', () => {
  const table = { 'a/one': ['a/shared'], 'a/two': ['a/shared'], 'a/shared': [], b: ['a'] };
  const check = (texts: Readonly<Record<string, string>>): readonly string[] =>
    findFaults(
      Object.entries(texts).map(([name, text]) => ({ name, text })),
      table,
    );

  it('lets folders import what the table says, and what lies below that', () => {
    const texts = {
      'a/one/x.ts': "import { y } from '../shared/y.ts';\nimport './deep/z.ts';",
      'a/one/deep/z.ts': '',
      'a/shared/y.ts': '',
      'b/w.ts': "import type { X } from '../a/one/x.ts';",
    };
    assert.deepEqual(check(texts), []);
  });

  it('names an import between products, of whatever form', () => {
    for (const form of [
      "import { y } from '../two/y.ts';",
      "import type { Y } from '../two/y.ts';",
      "export * from '../two/y.ts';",
    ])
      assert.match(check({ 'a/one/x.ts': form, 'a/two/y.ts': '' }).join(), /^a\/one\/x.ts imports a\/two\/y.ts/);
    assert.match(check({ 'a/one/x.ts': "await import('../two/y.ts');", 'a/two/y.ts': '' }).join(), /imports/);
  });

  it('names a folder that the table does not know', () => {
    assert.match(check({ 'c/x.ts': '' }).join(), /^c\/x.ts: its folder is not in the table/);
  });

  it('names a circle once, type-only or not', () => {
    const circle = {
      'b/x.ts': "import { y } from './y.ts';",
      'b/y.ts': "import type { Z } from './z.ts';",
      'b/z.ts': "import { x } from './x.ts';",
    };
    assert.deepEqual(check(circle), ['circle of imports: b/x.ts -> b/y.ts -> b/z.ts -> b/x.ts']);
  });
});
