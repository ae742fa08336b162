import type { SocialEvent } from './social-event.ts';

const ESCAPED = /[%/\s\p{Cc}]|\P{ASCII}/gu;

/**
 * Percent-encodes (as UTF-8) only `%`, `/`, white space, control and non-ASCII characters, so that operators can read
 * the id and two different components never give one id.
 *
 * @throws URIError when the component holds a lone surrogate; parsed messages never do.
 */
export function encodeIdComponent(component: string): string {
  return component.replace(ESCAPED, (character) =>
    character <= '\u007f'
      ? `%${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(2, '0')}`
      : encodeURIComponent(character),
  );
}

/** Workflow id of an event: one id for every delivery of a post or comment, one id for every event of an edge. */
export function eventWorkflowId(event: SocialEvent): string {
  switch (event.kind) {
    case 'activity':
      return `activity/${encodeIdComponent(event.foreignId)}`;
    case 'comment':
      return `comment/${encodeIdComponent(event.foreignId)}`;
    case 'reaction':
      return `reaction/${encodeIdComponent(event.edgeId)}`;
    case 'follow':
      return `follow/${encodeIdComponent(event.source)}/${encodeIdComponent(event.target)}`;
  }
}

/** Workflow id of an account's stream sessions. */
export function streamSessionsWorkflowId(userId: string): string {
  return `stream-sessions/${encodeIdComponent(userId)}`;
}

/** The account of such a workflow id; undefined for other ids. */
export function userIdOfSessions(workflowId: string): string | undefined {
  const [, component] = /^stream-sessions\/([^/]+)$/.exec(workflowId) ?? [];
  return component === undefined ? undefined : decodeURIComponent(component);
}
