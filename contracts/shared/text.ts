/** Sanitising of text that comes from outside. Identity is never changed silently: ids are refused, not repaired. */

const CONTROL_CHARACTERS = /\p{Cc}/gu;
/** `#`, and as keyboards for East Asian scripts type it: full-width and small. */
const TAG_SIGNS = /^[#\uFF03\uFE5F\s]+/u;
const encoder = new TextEncoder();

/** True when no UTF-16 surrogate stands alone; such text has no UTF-8 form, so it cannot be stored or compared. */
export function isWellFormed(text: string): boolean {
  return text.isWellFormed();
}

export function hasControlCharacters(text: string): boolean {
  return text.search(CONTROL_CHARACTERS) !== -1;
}

export function utf8Length(text: string): number {
  return encoder.encode(text).length;
}

/** Free text: Unicode NFC, control characters taken out, outer white space trimmed. */
export function normaliseText(text: string): string {
  return text.normalize('NFC').replace(CONTROL_CHARACTERS, '').trim();
}

/** A hash tag: free text without its leading `#`, in lower case, so that `#Jazz` and `jazz` are one tag. */
export function normaliseTag(tag: string): string {
  return lowerCase(normaliseText(tag).replace(TAG_SIGNS, ''));
}

/**
 * Lower case without a locale. Unicode makes of the Turkish capital `İ` an `i` with a second, combining dot, which looks like
 * `i` and is never found by who types it; the dot goes, so that `İstanbul` and `istanbul` are one tag.
 */
function lowerCase(text: string): string {
  return text
    .toLowerCase()
    .replace(/i\u0307+/gu, 'i')
    .normalize('NFC');
}

/** What an error says, with what its causes say beyond it, in one line: for a person who is to mend something, not for a log. */
export function explainError(error: unknown): string {
  const parts: string[] = [];
  for (let current = error; current !== undefined; current = current instanceof Error ? current.cause : undefined) {
    const text = wordsOf(current)
      .replace(/\s*\n\s*/gu, ' ')
      .trim();
    if (!parts.some((part) => part.includes(text))) parts.push(text);
  }
  const [first = '', ...causes] = parts;
  return causes.length === 0 ? first : `${first} (${causes.join(': ')})`;
}

function wordsOf(error: unknown): string {
  if (typeof error === 'string') return error;
  if (!(error instanceof Error)) return JSON.stringify(error) ?? typeof error;
  // A connection refused at every address of a host has a code and no words.
  const code: unknown = Reflect.get(error, 'code');
  return error.message || (typeof code === 'string' ? code : error.name);
}
