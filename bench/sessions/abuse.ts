import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { LoadProcess } from './load-process.ts';
import { number, print, printTable } from './report.ts';
import { startServices, type GatewayProcess } from './services.ts';
import { medianOf, medianRatio } from './statistics.ts';
import { acquireStreams } from './streams.ts';

const spread = z.object({ count: z.int(), p50: z.number().nullable(), p99: z.number().nullable() });
const roundResult = z.object({ failed: z.int(), beats: spread, acquires: spread });
type Round = z.output<typeof roundResult>;

/** Of many users, each far below the limit that a user has by default. */
const GOOD = { beatsPerSecond: 60, acquiresPerSecond: 4 };
const HOSTILE = { addresses: 8, slowSockets: 400, requestsPerSecond: 200 };
/** Until the slow sockets are at their number and the first ones are being cut off. */
const RAMP_MS = 6_000;

/** What well-behaved clients notice of a hostile one at the same gateway; limits are the gateway's defaults. */
export async function benchAbuse({ quick }: { readonly quick: boolean }): Promise<void> {
  const { rounds, seconds, streams } = quick
    ? { rounds: 2, seconds: 6, streams: 30 }
    : { rounds: 5, seconds: 25, streams: 300 };
  await using services = await startServices({ leaseMs: 3_600_000 });
  await services.startWorker();
  // Clients connect directly, so that addresses are theirs.
  const gateway = await services.startGateway({ env: { GATEWAY_TRUSTED_PROXIES: 'none' } });
  const good = new LoadProcess('paced-load');
  try {
    await good.call('streams', await acquireStreams(gateway.url, streams), z.unknown());
    const run = (): Promise<Round> => good.call('run', { url: gateway.url, seconds, ...GOOD }, roundResult);
    await run();
    const [alone, attacked]: [Round[], Round[]] = [[], []];
    const outcomes = new Map<string, number>();
    for (let round = 0; round < rounds; round += 1) {
      alone.push(await run());
      attacked.push(await underAttack(gateway, round, run, outcomes));
    }
    report(alone, attacked, outcomes, `${rounds} rounds of ${seconds} s`);
  } finally {
    await good.stop();
  }
}

async function underAttack(
  gateway: GatewayProcess,
  round: number,
  run: () => Promise<Round>,
  outcomes: Map<string, number>,
): Promise<Round> {
  const hostile = new LoadProcess('hostile');
  try {
    // Other addresses each time: those of before are blocked.
    const where = { port: Number(new URL(gateway.url).port), network: round + 1 };
    await hostile.call('start', { ...where, ...HOSTILE }, z.unknown());
    await sleep(RAMP_MS);
    const result = await run();
    const counts = await hostile.call('outcomes', {}, z.record(z.string(), z.int()));
    for (const [outcome, count] of Object.entries(counts)) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + count);
    return result;
  } finally {
    await hostile.stop();
  }
}

function report(
  alone: readonly Round[],
  attacked: readonly Round[],
  outcomes: ReadonlyMap<string, number>,
  title: string,
): void {
  const values: Readonly<Record<string, (round: Round) => number>> = {
    'beat p50 ms': ({ beats }) => beats.p50 ?? NaN,
    'beat p99 ms': ({ beats }) => beats.p99 ?? NaN,
    'acquire p50 ms': ({ acquires }) => acquires.p50 ?? NaN,
    'acquire p99 ms': ({ acquires }) => acquires.p99 ?? NaN,
    'failed or refused': ({ failed }) => failed,
  };
  printTable(
    `abuse: ${GOOD.beatsPerSecond} beats/s and ${GOOD.acquiresPerSecond} acquires/s, ${title}`,
    ['', 'alone', 'attacked', 'ratio'],
    Object.entries(values).map(([name, value]) => [
      name,
      number(medianOf(alone, value)),
      number(medianOf(attacked, value)),
      number(medianRatio(attacked, alone, value)),
    ]),
  );
  const { addresses, slowSockets, requestsPerSecond } = HOSTILE;
  print(
    `hostile: ${slowSockets} slow sockets, ${requestsPerSecond} oversized or forged requests/s from ${addresses} addresses, ` +
      'on the same cores; answers: ' +
      Array.from(outcomes, ([outcome, count]) => `${outcome} ${count}`).join(', '),
  );
}
