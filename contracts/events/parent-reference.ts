import type { SocialEvent } from './social-event.ts';
import { encodeIdComponent } from '../shared/id-component.ts';

/** What a comment or reaction refers to, as far as it can be looked up. */
export type ParentReference =
  /** An activity on GetStream, by its id. */
  | { readonly by: 'activityId'; readonly id: string }
  /** A post or comment of ours, by the workflow that writes it. */
  | { readonly by: 'workflow'; readonly workflowId: string };

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const FOREIGN_ID = /^(Post|RePost|Question|Achievement|Comment):[A-Za-z0-9_-]+-/;

/**
 * The parent an event must not be written without. A comment's `ParentID` may be the parent's `ForeignID` or its activity
 * id on GetStream; any other form cannot be looked up and is not waited for. What removes something needs no parent.
 */
export function parentOf(event: SocialEvent): ParentReference | undefined {
  switch (event.kind) {
    case 'comment':
      return referenceTo(event.parentId);
    case 'reaction':
      return event.action === 'Unlike' ? undefined : referenceTo(event.activityId);
    case 'activity':
    case 'follow':
      return undefined;
  }
}

/** The activity that an id of GetStream, or a `ForeignID`, names; undefined for any other text. */
export function referenceTo(id: string): ParentReference | undefined {
  if (UUID.test(id)) return { by: 'activityId', id: id.toLowerCase() };
  const verb = FOREIGN_ID.exec(id)?.[1];
  if (verb === undefined) return undefined;
  return { by: 'workflow', workflowId: `${verb === 'Comment' ? 'comment' : 'activity'}/${encodeIdComponent(id)}` };
}
