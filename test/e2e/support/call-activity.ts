import { proxyActivities, proxyLocalActivities, type ActivityOptions } from '@temporalio/workflow';
import type { StreamActivities } from '../../../activities/types.ts';

const once = { startToCloseTimeout: '30s', retry: { maximumAttempts: 1 } } satisfies ActivityOptions;
const attempts: readonly StreamActivities[] = [
  proxyLocalActivities<StreamActivities>(once),
  proxyActivities<StreamActivities>(once),
];

/** Calls an activity as a local and as a normal one. @returns how many of the two failed */
export async function callActivity(name: keyof StreamActivities, input: never): Promise<number> {
  let failures = 0;
  for (const activities of attempts) {
    try {
      await activities[name](input);
    } catch {
      failures += 1;
    }
  }
  return failures;
}
