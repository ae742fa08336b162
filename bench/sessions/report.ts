import { cpus, totalmem } from 'node:os';

export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** The first column is text, the others are numbers. */
export function printTable(title: string, columns: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = columns.map((column, index) => Math.max(column.length, ...rows.map((row) => row[index]?.length ?? 0)));
  const lineOf = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => (index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0)))
      .join('  ');
  print(`\n${title}`);
  print(lineOf(columns));
  print(widths.map((width) => '-'.repeat(width)).join('  '));
  for (const row of rows) print(lineOf(row));
}

/** Three digits that count; `-` for what was not measured. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

export function machine(): string {
  const [cpu] = cpus();
  const memory = `${(totalmem() / 1e9).toFixed(0)} GB`;
  return `machine: ${cpus().length} cores (${cpu?.model.trim() ?? 'unknown'}), ${memory}, node ${process.version}, ${process.platform}`;
}
