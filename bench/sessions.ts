/**
 * Stream sessions on a real Temporal and a real Redis, with clients, gateways, workers and servers in processes of their own.
 *
 *   node bench/sessions.ts                      all parts, some 30 minutes
 *   node bench/sessions.ts --quick              small sizes, some 6 minutes
 *   node bench/sessions.ts --only acquire       one part: acquire, beats, live, mass or abuse
 *   node bench/sessions.ts --only beats --profile <folder>   where a gateway's time goes besides
 *
 * What is compared runs in turns within one run, and medians of the rounds are shown: machines are noisy, ratios count.
 */
import { parseArgs } from 'node:util';
import { benchAbuse } from './sessions/abuse.ts';
import { benchAcquire } from './sessions/acquire.ts';
import { benchBeats } from './sessions/beats.ts';
import { benchLive } from './sessions/live.ts';
import { benchMass } from './sessions/mass.ts';
import { machine, print } from './sessions/report.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    profile: { type: 'string' },
  },
});
const { only, quick, profile } = values;
const parts: Readonly<Record<string, () => Promise<void>>> = {
  acquire: () => benchAcquire({ quick }),
  beats: () => benchBeats({ quick, profile }),
  live: () => benchLive({ quick }),
  mass: () => benchMass({ quick }),
  abuse: () => benchAbuse({ quick }),
};
if (only !== undefined && !(only in parts)) throw new Error(`--only must be one of ${Object.keys(parts).join(', ')}`);

print(machine());
for (const [name, run] of Object.entries(parts)) {
  if (only !== undefined && only !== name) continue;
  const begun = performance.now();
  await run();
  print(`(${name} took ${Math.round((performance.now() - begun) / 1_000)} s)`);
}
