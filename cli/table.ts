/** Columns padded to their widest cell, two spaces apart; the last one is left ragged. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

/** Cut to a length in characters, with an ellipsis in place of the rest; line breaks become spaces. */
export function shortened(text: string, length: number): string {
  const line = text.replace(/\s+/gu, ' ');
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`;
}

/** `1 event`, `2 events`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** `2026-01-31 12:00:00Z`; `-` for none. */
export function formatTime(time: Date | undefined): string {
  return time === undefined ? '-' : time.toISOString().replace('T', ' ').replace(/\.\d+/u, '');
}
