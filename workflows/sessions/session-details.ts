import { describeEnd, type StreamView } from '../../contracts/sessions/session-stream.ts';
import type { SessionsView } from '../../contracts/sessions/stream-sessions.ts';

/**
 * Temporal refuses details over 20,000 bytes [server 1.29, limit.userMetadataDetailsSize]; these stay below, also where each
 * character takes three or four.
 */
const MAX_ACTIVE_LINES = 15;
const MAX_ENDED_LINES = 10;
const MAX_TEXT = 60;

/**
 * The current details an operator reads in the Web UI (Markdown): who plays, and who stopped why.
 *
 * @param ignored what was sent and could not be used, in words of ours
 */
export function describeSessions(view: SessionsView, ignored?: string): string {
  const { active, ended, slots, limit, policyVersion, shadow } = view;
  const lines = [`**${slots} of ${limit ?? 'any number of'} streams**, policy version ${policyVersion ?? 'none yet'}`];
  if (active.length > 0) lines.push('', ...active.slice(0, MAX_ACTIVE_LINES).map(describeActive));
  if (active.length > MAX_ACTIVE_LINES) lines.push(`- and ${active.length - MAX_ACTIVE_LINES} more`);
  if (ended.length > 0) {
    const latest = ended.toReversed().slice(0, MAX_ENDED_LINES);
    lines.push('', 'Ended, the latest first:', '');
    for (const { streamId, deviceId, endedAt, end } of latest) {
      lines.push(`- ${code(streamId)} on ${code(deviceId)} at ${endedAt}: ${code(describeEnd(end))}`);
    }
  }
  if (ignored !== undefined) lines.push('', `Ignored: ${ignored}`);
  if (shadow) {
    const { version, refused, evaluated } = shadow;
    lines.push('', `Shadow policy version ${version} would have refused ${refused} of ${evaluated} acquires.`);
  }
  if (active.length > 0) {
    lines.push(
      '',
      'The update `evict` ends streams: `{"streamIds": ["..."], "by": "...", "reason": "..."}`; without ids, all.',
    );
  }
  return lines.join('\n');
}

function describeActive({ streamId, deviceId, deviceType, contentId, slots, startedAt, ending }: StreamView): string {
  const type = deviceType === undefined ? '' : ` (${code(deviceType)})`;
  const content = contentId === undefined ? '' : `, plays ${code(contentId)}`;
  const times = slots === 1 ? '' : `, ${slots} times`;
  const leaving = ending ? `, ends at ${ending.at}: ${code(describeEnd(ending.end))}` : '';
  return `- ${code(streamId)} on ${code(deviceId)}${type}${content}${times}, since ${startedAt}${leaving}`;
}

/** Text from outside must neither act as Markdown nor take all the room. */
function code(text: string): string {
  const short = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT).toWellFormed()}…` : text;
  return `\`${short.replaceAll('`', 'ˋ')}\``;
}
