import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { parseWords } from '../../cli/arguments.ts';
import { COMMANDS } from '../../cli/commands.ts';
import { temporalBinary } from '../support/temporal.ts';

const PROJECT = path.resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(path.join(PROJECT, file), 'utf8');

/** Words as a shell gives them to a command, without what it is piped to. */
function shellWords(line: string): string[] {
  const words = [...line.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/gu)].map(([word]) =>
    word.replace(/'([^']*)'|"([^"]*)"/gu, '$1$2'),
  );
  const end = words.findIndex((word) => word === '|' || word === '#');
  return end === -1 ? words : words.slice(0, end);
}

/** Commands that begin so, in code blocks and in the text. */
function commandsIn(markdown: string, program: string): string[] {
  const joined = markdown.replace(/\\\n\s*/gu, ' ');
  const lines = [...joined.matchAll(/^\s*(.+)$/gmu)]
    .map(([, line = '']) => line)
    .filter((line) => line.startsWith(program));
  // A line break inside of code in the text is a space.
  const inText = [...joined.replace(/```[\s\S]*?```/gu, '').matchAll(/`([^`]+)`/gu)]
    .map(([, code = '']) => code.replace(/\s+/gu, ' '))
    .filter((code) => code.startsWith(program));
  return [...lines.filter((line) => !line.includes('`')), ...inText];
}

/** Placeholders of a reader, as something a command takes. */
const filledIn = (line: string): string => line.replace(/<[\w ]+>/gu, 'x');

describe('the runbook', function () {
  this.timeout(120_000);
  const runbook = read('docs/runbook.md');

  it('asks only open runs wherever it looks for what is still to be done', () => {
    const queries = [runbook, read('docs/decisions/0003-parked-and-compensated.md'), read('ops/grafana/events.json')]
      .flatMap((text) => text.replaceAll('\\"', '"').split(/\n|\|/u))
      .filter((line) => /EventStatus(?:=| IN \(|%3D)"?(?:%22)?(?:parked|pending)/u.test(line));
    assert.ok(queries.length > 15, String(queries.length));
    for (const query of queries) assert.match(query, /ExecutionStatus/u);
  });

  it('has only commands of ours that the command line takes', async () => {
    const lines = commandsIn(runbook, 'npm run cli -- ').filter((line) => !/[|…]| \.\.\./u.test(line));
    assert.ok(lines.length > 15, String(lines.length));
    for (const line of lines) {
      const words = shellWords(filledIn(line)).slice(4);
      const entry = COMMANDS.find(({ name }) => name.split(' ').every((part, index) => words[index] === part));
      assert.ok(entry, line);
      const command = await entry.load();
      const { input } = parseWords(command, words.slice(entry.name.split(' ').length));
      assert.doesNotThrow(() => command.prepare(input), line);
    }
  });

  it("has only options of Temporal's commands that these have", async () => {
    const binary = await temporalBinary();
    const lines = commandsIn(runbook, 'temporal ').filter((line) => line.includes(' --'));
    assert.ok(lines.length > 10, String(lines.length));
    for (const line of lines) {
      const words = shellWords(filledIn(line)).slice(1);
      const command = words.slice(
        0,
        words.findIndex((word) => word.startsWith('-')),
      );
      const { stdout } = await promisify(execFile)(binary, [...command, '--help']);
      // The help of a command that is not there is that of the one above it.
      assert.match(stdout, new RegExp(`^  temporal ${command.join(' ')} \\[`, 'mu'), line);
      for (const option of words.filter((word) => word.startsWith('--'))) {
        assert.match(stdout, new RegExp(`${option}\\s`, 'u'), `${option} in: ${line}`);
      }
    }
  });
});
