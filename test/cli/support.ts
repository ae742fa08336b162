import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseHistoryFile } from '../../cli/history-file.ts';
import { UnreadableHistoryError } from '../../cli/history-format.ts';
import { runCli } from '../../cli/run-cli.ts';
import { sharedTemporal } from '../support/temporal.ts';

export interface CliRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The CLI in this process, on an installation it finds as it finds the local stack. */
export class CliFixture {
  readonly #directory: string;
  readonly #variables: Readonly<Record<string, string>>;

  private constructor(directory: string, variables: Readonly<Record<string, string>>) {
    this.#directory = directory;
    this.#variables = variables;
  }

  /** @param aws endpoint of SQS; where none is asked, it need not exist */
  static async create(
    aws = 'http://127.0.0.1:1',
    variables: Readonly<Record<string, string>> = {},
  ): Promise<CliFixture> {
    const { address, namespace } = await sharedTemporal();
    const directory = await mkdtemp(path.join(tmpdir(), 'cli-'));
    const endpoints = { temporal: address, namespace, aws, stream: {}, metrics: [] };
    await writeFile(path.join(directory, 'endpoints.json'), JSON.stringify(endpoints));
    return new CliFixture(directory, variables);
  }

  async run(words: readonly string[], signal?: AbortSignal): Promise<CliRun> {
    const environment = { LOCAL_DIRECTORY: this.#directory, ...this.#variables };
    return runWords(words, environment, signal);
  }

  /** The result of a command with `--json`. */
  async json(words: readonly string[]): Promise<{ code: number; data: unknown }> {
    const { code, stdout } = await this.run([...words, '--json']);
    return { code, data: stdout === '' ? undefined : JSON.parse(stdout) };
  }

  async remove(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** Runs a command line with nothing in its environment but this. */
export async function runWords(
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  signal?: AbortSignal,
): Promise<CliRun> {
  const [stdout, stderr]: [string[], string[]] = [[], []];
  const code = await runCli(words, {
    environment,
    stdout: { write: (text) => stdout.push(text) },
    stderr: { write: (text) => stderr.push(text) },
    ...(signal ? { signal } : {}),
  });
  return { code, stdout: stdout.join(''), stderr: stderr.join('') };
}

/** Files alone need no server; and a stack that happens to run on this machine must not matter. */
const NO_INSTALLATION = { TEMPORAL_ADDRESS: '127.0.0.1:1', AWS_ENDPOINT_URL: 'http://127.0.0.1:1' };

/**
 * Runs a command line in a process of its own: what replays must, as the SDK allows one runtime for each process and other
 * tests set theirs up.
 */
export function runProcess(
  words: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<CliRun> {
  const main = path.resolve(import.meta.dirname, '../../cli/main.ts');
  const env = { ...process.env, ...NO_INSTALLATION, ...variables };
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...words], { env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** What the reader of history files says of this content; empty when it takes it. */
export function refusalOf(content: unknown): string {
  const bytes = Buffer.isBuffer(content)
    ? content
    : Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
  try {
    parseHistoryFile(bytes);
  } catch (error) {
    assert.ok(error instanceof UnreadableHistoryError, String(error));
    return error.message;
  }
  return '';
}
