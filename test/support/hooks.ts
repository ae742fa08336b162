import fc from 'fast-check';
import { CI_SEED, FULL } from './extent.ts';
import { temporalBinary } from './temporal.ts';

if (FULL) fc.configureGlobal({ seed: CI_SEED });

/** Fetched or built before the test processes start: each of them would do it by itself. */
export async function mochaGlobalSetup(): Promise<void> {
  await temporalBinary();
}
