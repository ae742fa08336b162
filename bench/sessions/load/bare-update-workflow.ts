import { condition, defineUpdate, setHandler } from '@temporalio/workflow';

export const bareUpdate = defineUpdate<number>('bare');

/** The least an update costs: it is answered at once, and nothing is remembered. */
export async function bareUpdates(): Promise<void> {
  setHandler(bareUpdate, () => 1);
  await condition(() => false);
}
