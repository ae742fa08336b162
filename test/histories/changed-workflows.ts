import { sleep } from '@temporalio/workflow';
import type { SocialEventInput, SocialEventResult } from '../../contracts/events/event-workflow.ts';
import type { StreamSessionsInput } from '../../contracts/sessions/stream-sessions.ts';
import { socialEvent as presentSocialEvent, streamSessions as presentStreamSessions } from '../../workflows/index.ts';

/** A change of the kind that stops open workflows on deploy: a step more, before the others. */
export async function socialEvent(input: SocialEventInput): Promise<SocialEventResult> {
  await sleep(1);
  return presentSocialEvent(input);
}

export async function streamSessions(input: StreamSessionsInput): Promise<void> {
  await sleep(1);
  return presentStreamSessions(input);
}
