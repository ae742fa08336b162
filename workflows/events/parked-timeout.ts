import type { EventPolicy } from '../../contracts/events/event-policy.ts';

/** What happens to a parked event, and when, if no operator decides. */
export interface ParkedTimeout {
  readonly ms: number;
  readonly action: 'supersede' | 'retry' | 'fail';
  readonly summary: string;
}

/** @returns undefined when the event waits for ever */
export function parkedTimeout(policy: EventPolicy, overtaken: boolean, autoRetries: number): ParkedTimeout | undefined {
  if (overtaken) return { ms: policy.overtakenLingerMs, action: 'supersede', summary: 'overtaken: closes by itself' };
  const delay = policy.autoRetryDelaysMs[autoRetries];
  if (delay !== undefined) return { ms: delay, action: 'retry', summary: 'parked: retried by itself' };
  if (policy.parkedLimitMs === undefined) return undefined;
  return { ms: policy.parkedLimitMs, action: 'fail', summary: 'parked: fails when nobody decides' };
}
