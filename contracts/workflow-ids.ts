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

/** Temporal takes ids of 1,000 bytes [server 1.29, limit.maxIDLength]. */
const MAX_COMPONENT_LENGTH = 900;
const ESCAPED_IN_LONG_ONES = /[%/ ]/g;

/**
 * Workflow id of an account's stream sessions. A long user id whose encoded form Temporal would not take keeps its non-ASCII
 * characters as they are, at most 3 bytes for each of its up to 255 (which hold no control characters).
 *
 * @throws URIError when the user id holds a lone surrogate
 */
export function streamSessionsWorkflowId(userId: string): string {
  const encoded = encodeIdComponent(userId);
  const component =
    encoded.length > MAX_COMPONENT_LENGTH ? userId.replace(ESCAPED_IN_LONG_ONES, encodeURIComponent) : encoded;
  return `stream-sessions/${component}`;
}

/** The account of such a workflow id; undefined for other ids. */
export function userIdOfSessions(workflowId: string): string | undefined {
  const [, component] = /^stream-sessions\/([^/]+)$/.exec(workflowId) ?? [];
  return component === undefined ? undefined : decodeURIComponent(component);
}
