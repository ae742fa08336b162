import { proxyActivities } from '@temporalio/workflow';
import type { BareActivities } from './activities.ts';

const { write } = proxyActivities<BareActivities>({ startToCloseTimeout: '10 s' });

/** The least a durable write costs on Temporal without any of our means: one start, one normal activity. */
export async function bare(): Promise<void> {
  await write();
}
