import type { SessionCaps, SessionRules } from '../../contracts/sessions/session-limits.ts';
import type { StreamRecord } from '../../contracts/sessions/stream-sessions.ts';
import { judge, type Verdict } from './session-admission.ts';

/**
 * Decides whether a stream may play another content in the slot it has. Only the caps by content count: the slot is the
 * stream's already, also where the account's cap was lowered since.
 *
 * @param others those that take slots beside it, oldest first
 * @param caps those of the account's plan
 */
export function judgeSwitch(
  rules: SessionRules,
  others: readonly StreamRecord[],
  stream: StreamRecord,
  contentId: string,
  { content, contents }: SessionCaps,
): Verdict<StreamRecord> {
  const byContent: SessionCaps = {
    account: Number.MAX_SAFE_INTEGER,
    ...(content === undefined ? {} : { content }),
    ...(contents ? { contents } : {}),
  };
  const { streamId, deviceId } = stream;
  return judge(rules, others, { streamId, deviceId, contentId }, byContent);
}

/** The stream with another content, and with what it was acquired for: a retry of its acquire still names that. */
export function withContent(stream: StreamRecord, contentId: string): StreamRecord {
  return { ...stream, contentId, acquiredFor: stream.acquiredFor ?? contentOf(stream) };
}

/** Whether an acquire that names this content may be one for this stream: the first one or a later one. */
export function isContentOf(
  record: Pick<StreamRecord, 'contentId' | 'acquiredFor'>,
  contentId: string | undefined,
): boolean {
  return contentId === record.contentId || contentId === (record.acquiredFor ?? contentOf(record)).contentId;
}

function contentOf({ contentId }: Pick<StreamRecord, 'contentId'>): { readonly contentId?: string } {
  return contentId === undefined ? {} : { contentId };
}
