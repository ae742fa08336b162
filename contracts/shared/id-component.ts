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
