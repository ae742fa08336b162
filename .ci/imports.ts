import path from 'node:path';

export interface SourceFile {
  /** Path from the root of the project, with `/`. */
  readonly name: string;
  readonly text: string;
}

const SPECIFIER = /(?:\bfrom|\bimport)\s*\(?\s*'(\.{1,2}\/[^']+\.ts)'/g;

/**
 * Imports that a table does not allow, and circles of imports.
 *
 * @param mayImport by folder, what it may import beside itself; a folder takes in those below it that the table does not name
 * @returns a sentence each
 */
export function findFaults(
  files: readonly SourceFile[],
  mayImport: Readonly<Record<string, readonly string[]>>,
): readonly string[] {
  const imports = new Map(files.map(({ name, text }) => [name, importsOf(name, text)]));
  const folders = Object.keys(mayImport).toSorted((one, other) => other.length - one.length);
  const folderOf = (name: string): string | undefined => folders.find((folder) => name.startsWith(`${folder}/`));
  const faults: string[] = [];
  for (const [name, targets] of imports) {
    const folder = folderOf(name);
    if (folder === undefined) {
      faults.push(`${name}: its folder is not in the table of .ci/check-imports.ts`);
      continue;
    }
    const allowed = mayImport[folder] ?? [];
    for (const target of targets) {
      if (folderOf(target) === folder || allowed.some((other) => target.startsWith(`${other}/`))) continue;
      faults.push(`${name} imports ${target}: ${folder} may import ${allowed.join(', ') || 'nothing else'}`);
    }
  }
  return [...faults, ...circles(imports).map((circle) => `circle of imports: ${circle.join(' -> ')}`)];
}

function importsOf(name: string, text: string): readonly string[] {
  const folder = path.posix.dirname(name);
  return Array.from(text.matchAll(SPECIFIER), ([, specifier = '']) => path.posix.join(folder, specifier));
}

/** One circle for each file at which one is closed, in the order of a walk. */
function circles(imports: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const found: string[][] = [];
  const done = new Set<string>();
  const walk = (name: string, way: readonly string[]): void => {
    const at = way.indexOf(name);
    if (at !== -1) found.push([...way.slice(at), name]);
    if (at !== -1 || done.has(name)) return;
    for (const target of imports.get(name) ?? []) walk(target, [...way, name]);
    done.add(name);
  };
  for (const name of imports.keys()) walk(name, []);
  return found;
}
