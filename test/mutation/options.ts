import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';

export interface MutationOptions {
  /** Files to mutate by operators. */
  readonly files: readonly string[];
  /** Mutants made by hand, by their names. */
  readonly names: readonly string[];
  readonly parallel: number;
}

export const HELP = `Changes the program in small ways and runs the tests that must notice; what nobody notices is shown.

  npm run mutate [-- --file PATH... --mutant TEXT... --operators --hand-written --parallel N]

  --file PATH      mutate this file by operators, and nothing else; may be repeated
  --mutant TEXT    run the mutants made by hand whose names hold this text, and nothing else; may be repeated
  --operators      only files by operators (about 5 minutes on two cores)
  --hand-written   only mutants made by hand, on a real server (about 15 minutes)
  --parallel N     processes at once; default: as many as there are cores

Results go to test/mutation/results.json and into the tables of docs/mutation-tests.md.
`;

/** @throws Error that says which argument makes no sense; undefined when only the help was asked for */
export function readOptions(
  args: readonly string[],
  files: readonly string[],
  names: readonly string[],
): MutationOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      file: { type: 'string', multiple: true, default: [] },
      mutant: { type: 'string', multiple: true, default: [] },
      operators: { type: 'boolean', default: false },
      'hand-written': { type: 'boolean', default: false },
      parallel: { type: 'string', default: String(availableParallelism()) },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const { file, mutant, operators } = values;
  const parallel = Number(values.parallel);
  if (!Number.isSafeInteger(parallel) || parallel < 1) throw new Error('--parallel must be a whole number above 0');
  const isAll = file.length === 0 && mutant.length === 0 && !operators && !values['hand-written'];
  const unknown = file.find((name) => !files.includes(name));
  if (unknown !== undefined) throw new Error(`${unknown} is not mutated; files that are:\n  ${files.join('\n  ')}`);
  const named = names.filter((name) => mutant.some((text) => name.includes(text)));
  if (mutant.length > 0 && named.length === 0)
    throw new Error(`no mutant made by hand is named ${mutant.join(' or ')}`);
  return {
    files: isAll || operators ? files : file,
    names: isAll || values['hand-written'] ? names : named,
    parallel,
  };
}
