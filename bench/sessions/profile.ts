import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { number, printTable } from './report.ts';

const profileFile = z.object({
  nodes: z.array(
    z.object({
      id: z.int(),
      callFrame: z.object({ functionName: z.string(), url: z.string(), lineNumber: z.int() }),
      children: z.array(z.int()).optional(),
    }),
  ),
  samples: z.array(z.int()),
  timeDeltas: z.array(z.number()),
});
type Profile = z.output<typeof profileFile>;
type Node = Profile['nodes'][number];

const MOST_ROWS = 30;

/** Environment that lets a process write a CPU profile when it ends. */
export function profileSettings(folder: string | undefined): Readonly<Record<string, string>> {
  return folder === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${path.resolve(folder)}` };
}

/** Where the main thread of a process was busy: by package or file of ours, with what these call, and by function. */
export async function reportProfile(name: string, folder: string, pid: number): Promise<void> {
  const files = (await readdir(folder)).filter((file) => file.split('.')[3] === String(pid));
  for (const file of files) {
    const profile = profileFile.parse(JSON.parse(await readFile(path.join(folder, file), 'utf8')));
    const self = selfTimes(profile);
    const names = new Map(profile.nodes.map((node) => [node.id, node]));
    const busy = sumOf([...self].filter(([id]) => !isIdle(names.get(id))).map(([, time]) => time));
    print(
      `${name}: self time by place`,
      busy,
      grouped(self, (id) => placeOf(names.get(id))),
    );
    print(
      `${name}: self time by function`,
      busy,
      grouped(self, (id) => functionOf(names.get(id))),
    );
    print(`${name}: our functions with what they call`, busy, totals(profile, self));
  }
}

function print(title: string, busy: number, times: ReadonlyMap<string, number>): void {
  const rows = [...times].filter(([key]) => key !== '(idle)' && key !== '(program)').toSorted(([, a], [, b]) => b - a);
  printTable(
    title,
    ['', '% of busy time'],
    rows.slice(0, MOST_ROWS).map(([key, time]) => [key, number((time / busy) * 100)]),
  );
}

function selfTimes({ samples, timeDeltas }: Profile): Map<number, number> {
  const times = new Map<number, number>();
  for (const [index, id] of samples.entries()) times.set(id, (times.get(id) ?? 0) + (timeDeltas[index] ?? 0));
  return times;
}

function grouped(self: ReadonlyMap<number, number>, keyOf: (id: number) => string): Map<string, number> {
  const times = new Map<string, number>();
  for (const [id, time] of self) times.set(keyOf(id), (times.get(keyOf(id)) ?? 0) + time);
  return times;
}

/** Time of each function of ours including its callees; recursion counts once. */
function totals({ nodes }: Profile, self: ReadonlyMap<number, number>): Map<string, number> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const times = new Map<string, number>();
  const visit = (node: Node, above: ReadonlySet<string>): number => {
    const key = functionOf(node);
    const isOurs = node.callFrame.url.startsWith('file:') && !node.callFrame.url.includes('/node_modules/');
    const within = isOurs ? new Set([...above, key]) : above;
    const children = (node.children ?? []).flatMap((id) => byId.get(id) ?? []);
    const total = (self.get(node.id) ?? 0) + sumOf(children.map((child) => visit(child, within)));
    if (isOurs && !above.has(key)) times.set(key, (times.get(key) ?? 0) + total);
    return total;
  };
  const [root] = nodes;
  if (root) visit(root, new Set());
  return times;
}

function isIdle(node: Node | undefined): boolean {
  return node?.callFrame.functionName === '(idle)' || node?.callFrame.functionName === '(program)';
}

function placeOf(node: Node | undefined): string {
  const { url = '', functionName = '' } = node?.callFrame ?? {};
  const inPackage = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  if (inPackage !== undefined) return inPackage;
  if (url.startsWith('file:')) return path.relative(process.cwd(), new URL(url).pathname);
  return url || functionName || '(native)';
}

function functionOf(node: Node | undefined): string {
  const { functionName = '', lineNumber = 0 } = node?.callFrame ?? {};
  const place = placeOf(node);
  return place === functionName ? place : `${functionName || 'anonymous'} (${place}:${lineNumber + 1})`;
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
