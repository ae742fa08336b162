import { sleep } from '@temporalio/workflow';
import type { SocialEventInput, SocialEventResult } from '../../contracts/event-workflow.ts';
import { socialEvent as presentSocialEvent } from '../../workflows/index.ts';

/** A change of the kind that stops open workflows on deploy: a step more, before the others. */
export async function socialEvent(input: SocialEventInput): Promise<SocialEventResult> {
  await sleep(1);
  return presentSocialEvent(input);
}
