import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A change of the source that some test must notice, made by hand where operators make nothing worth a real server. */
export interface HandWrittenMutant {
  /** What the changed program does. */
  readonly name: string;
  readonly file: string;
  /** Text that the file holds exactly once, and what stands in for it. */
  readonly replace: string;
  readonly by: string;
  /** The test that must notice: its file, and a part of its title that no other test there has. */
  readonly test: readonly [file: string, title: string];
}

export interface HandWrittenResult {
  readonly name: string;
  readonly file: string;
  readonly outcome: 'survived' | 'killed' | 'timedOut';
}

/** Longest run of one test, with its server and its bundle of the workflows. */
const PATIENCE_MS = 300_000;
const LEFT_OUT: ReadonlySet<string> = new Set(['node_modules', '.git', '.local', 'dist', 'docs', 'logs']);

/**
 * @throws Error when the text is not found, or found more than once: the source has changed, and the mutant must follow
 */
export function mutate(source: string, { name, file, replace, by }: HandWrittenMutant): string {
  const found = source.split(replace).length - 1;
  if (found !== 1) throw new Error(`mutant "${name}": ${file} holds its text ${found} times, not once`);
  return source.replace(replace, () => by);
}

/**
 * Runs each mutant's test in a copy of the project with the mutant in it; first of all without one.
 *
 * @throws Error when a test does not pass, or is not there, without any mutant
 */
export async function runHandWritten(
  mutants: readonly HandWrittenMutant[],
  parallel: number,
  onResult: (result: HandWrittenResult) => void,
): Promise<readonly HandWrittenResult[]> {
  const copies = await Promise.all(Array.from({ length: parallel }, () => ProjectCopy.make()));
  const inParallel = async <Item>(items: readonly Item[], work: (copy: ProjectCopy, item: Item) => Promise<void>) => {
    const queue = items.values();
    await Promise.all(
      copies.map(async (copy) => {
        for (const item of queue) await work(copy, item);
      }),
    );
  };
  try {
    await inParallel([...titlesByFile(mutants)], async (copy, [file, titles]) => {
      const { passed, failed, output } = await copy.test(file, titles);
      if (failed.length > 0 || passed !== titles.length)
        throw new Error(
          `${file}: ${passed} of ${titles.length} tests pass without a mutant: ${failed.join('; ')}\n${output}`,
        );
    });
    const results: HandWrittenResult[] = [];
    await inParallel([...mutants.entries()], async (copy, [index, mutant]) => {
      const { name, file } = mutant;
      const result: HandWrittenResult = { name, file, outcome: await copy.outcomeOf(mutant) };
      results[index] = result;
      onResult(result);
    });
    return results;
  } finally {
    await Promise.all(copies.map((copy) => copy.remove()));
  }
}

function titlesByFile(mutants: readonly HandWrittenMutant[]): ReadonlyMap<string, readonly string[]> {
  const byFile = new Map<string, Set<string>>();
  for (const { test } of mutants) byFile.set(test[0], (byFile.get(test[0]) ?? new Set()).add(test[1]));
  return new Map([...byFile].map(([file, titles]) => [file, [...titles]]));
}

interface TestRun {
  readonly passed: number;
  /** Titles of tests and hooks. */
  readonly failed: readonly string[];
  readonly timedOut: boolean;
  readonly output: string;
}

class ProjectCopy {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async make(): Promise<ProjectCopy> {
    const directory = await mkdtemp(path.join(tmpdir(), 'mutant-'));
    const filter = (from: string): boolean => !LEFT_OUT.has(path.relative(process.cwd(), from));
    await cp(process.cwd(), directory, { recursive: true, filter });
    await symlink(await realpath('node_modules'), path.join(directory, 'node_modules'));
    return new ProjectCopy(directory);
  }

  async outcomeOf(mutant: HandWrittenMutant): Promise<HandWrittenResult['outcome']> {
    const file = path.join(this.#directory, mutant.file);
    const source = await readFile(file, 'utf8');
    await writeFile(file, mutate(source, mutant));
    try {
      const { failed, passed, timedOut, output } = await this.test(mutant.test[0], [mutant.test[1]]);
      if (timedOut) return 'timedOut';
      if (failed.length === 0 && passed === 0) throw new Error(`mutant "${mutant.name}": no test ran\n${output}`);
      return failed.length > 0 ? 'killed' : 'survived';
    } finally {
      await writeFile(file, source);
    }
  }

  async test(file: string, titles: readonly string[]): Promise<TestRun> {
    const report = path.join(this.#directory, 'mutant-report.json');
    await rm(report, { force: true });
    const grep = titles.map((title) => title.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)).join('|');
    const { output, timedOut } = await this.#mocha([
      '--reporter',
      'json',
      '--reporter-option',
      `output=${report}`,
      '--grep',
      grep,
      file,
    ]);
    if (timedOut) return { passed: 0, failed: [], timedOut, output };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- mocha's own report
    const { passes, failures } = JSON.parse(await readFile(report, 'utf8')) as {
      passes: readonly unknown[];
      failures: readonly { readonly fullTitle: string }[];
    };
    return { passed: passes.length, failed: failures.map(({ fullTitle }) => fullTitle), timedOut, output };
  }

  async remove(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #mocha(args: readonly string[]): Promise<{ readonly output: string; readonly timedOut: boolean }> {
    // A group of its own, so that a server the tests started ends with them.
    const child = spawn(process.execPath, ['node_modules/mocha/bin/mocha.js', ...args], {
      cwd: this.#directory,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let timedOut = false;
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()));
    const timer = setTimeout(() => {
      timedOut = true;
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    }, PATIENCE_MS);
    await new Promise((resolve) => child.once('close', resolve));
    clearTimeout(timer);
    return { output: output.slice(-4_000), timedOut };
  }
}
