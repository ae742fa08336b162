import { PURE_TARGETS } from './pure-targets.ts';
import { runPure } from './pure-runner.ts';
for (const [file, tests] of Object.entries(PURE_TARGETS)) {
  if (process.argv[2] && file !== process.argv[2]) continue;
  const begun = performance.now();
  const results = await runPure(file, tests, 2);
  const of = (o: string) => results.filter(({ outcome }) => outcome === o);
  console.log(
    file,
    results.length,
    'killed',
    of('killed').length,
    'timedOut',
    of('timedOut').length,
    'survived',
    of('survived').length,
    ((performance.now() - begun) / 1000).toFixed(1),
  );
  for (const r of of('survived')) console.log('   ', r.where, '|', r.change);
  for (const r of of('timedOut')) console.log('  timed out ', r.where, '|', r.change);
}
