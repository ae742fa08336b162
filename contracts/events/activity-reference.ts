/**
 * How messages name an activity: by its id on GetStream, a UUID, or by its `ForeignID`. A UUID is written in several ways
 * that all mean one activity, so it is brought to one form where a message enters; nothing after that compares spellings.
 */

/** With dashes or without, in braces (.NET), after `urn:uuid:` (RFC 9562), after GetStream's own `SA:` of references. */
const UUID_FORMS = /^(?:urn:uuid:|SA:)?(?:\{([0-9a-f-]+)\}|([0-9a-f-]+))$/i;
const DASHED = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const BARE = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/;
const FOREIGN_ID = /^(?:Post|RePost|Question|Achievement|Comment):[A-Za-z0-9_-]+-./su;

/** The UUID in small letters with dashes; undefined for text that is no UUID in any of its forms. */
export function canonicalUuid(text: string): string | undefined {
  const match = UUID_FORMS.exec(text);
  const digits = (match?.[1] ?? match?.[2])?.toLowerCase();
  if (digits === undefined) return undefined;
  return DASHED.test(digits) ? digits : BARE.exec(digits)?.slice(1).join('-');
}

/** True of `Verb:Actor-ObjectID`, the `ForeignID` a post or comment of ours has. */
export function isForeignId(text: string): boolean {
  return FOREIGN_ID.test(text);
}
