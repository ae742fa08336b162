/** Calls that a Temporal server has answered so far, by their names, without the workers' polls. */
export async function temporalCalls(metricsUrl: string): Promise<ReadonlyMap<string, number>> {
  const calls = new Map<string, number>();
  const text = await (await fetch(metricsUrl)).text();
  for (const line of text.split('\n')) {
    const [, labels = '', value = ''] = /^service_requests(?:_total)?\{(.*)\} (\S+)$/.exec(line) ?? [];
    const operation = /operation="([^"]+)"/.exec(labels)?.[1];
    if (operation === undefined || !labels.includes('service_name="frontend"') || operation.startsWith('Poll'))
      continue;
    calls.set(operation, (calls.get(operation) ?? 0) + Number(value));
  }
  return calls;
}

/** Those that became more. */
export function callsBetween(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  return new Map(
    [...after].flatMap(([operation, count]) => {
      const more = count - (before.get(operation) ?? 0);
      return more > 0 ? [[operation, more]] : [];
    }),
  );
}
