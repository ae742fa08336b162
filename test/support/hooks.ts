import { temporalBinary } from './temporal.ts';

/** Fetched or built before the test processes start: each of them would do it by itself. */
export async function mochaGlobalSetup(): Promise<void> {
  await temporalBinary();
}
