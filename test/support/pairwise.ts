/**
 * Rows of a table in which every two values of two different columns stand together at least once, as far as the rows that
 * hold both are possible: most faults need two things to meet, few need three.
 */
export function pairwise<Row extends Readonly<Record<string, string>>>(
  columns: { readonly [Column in keyof Row]: readonly Row[Column][] },
  isPossible: (row: Row) => boolean = () => true,
): readonly Row[] {
  const all = product<Row>(columns).filter(isPossible);
  const missing = new Set(all.flatMap(pairsOf));
  const rows: Row[] = [];
  while (missing.size > 0) {
    const news = (row: Row): number => pairsOf(row).filter((pair) => missing.has(pair)).length;
    const best = all.reduce((left, right) => (news(right) > news(left) ? right : left));
    for (const pair of pairsOf(best)) missing.delete(pair);
    rows.push(best);
  }
  return rows;
}

function product<Row extends Readonly<Record<string, string>>>(columns: {
  readonly [Column in keyof Row]: readonly Row[Column][];
}): readonly Row[] {
  const rows = Object.entries<readonly string[]>(columns).reduce<readonly Readonly<Record<string, string>>[]>(
    (known, [column, values]) => known.flatMap((row) => values.map((value) => ({ ...row, [column]: value }))),
    [{}],
  );
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one value for each column
  return rows as readonly Row[];
}

function pairsOf(row: Readonly<Record<string, string>>): readonly string[] {
  const cells = Object.entries(row).map((cell) => cell.join('='));
  return cells.flatMap((left, index) => cells.slice(index + 1).map((right) => `${left} & ${right}`));
}
