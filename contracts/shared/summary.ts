import { utf8Length } from './text.ts';

/** Temporal refuses a summary whose payload is over 400 bytes [server 1.29, limit.userMetadataSummarySize]. */
const MAX_SUMMARY_BYTES = 400;
const ELLIPSIS = '…';
const QUOTES = 2;

/** The text cut, where need be, so that Temporal accepts it as a summary: its JSON form is at most 400 bytes. */
export function boundedSummary(text: string): string {
  let bytes = QUOTES;
  let kept = '';
  for (const character of text) {
    bytes += jsonBytes(character);
    if (bytes > MAX_SUMMARY_BYTES) return cutToFit(kept);
    kept += character;
  }
  return text;
}

function cutToFit(text: string): string {
  const characters = Array.from(text);
  let room = jsonBytes(ELLIPSIS);
  while (room > 0 && characters.length > 0) room -= jsonBytes(characters.pop() ?? '');
  return characters.join('') + ELLIPSIS;
}

function jsonBytes(text: string): number {
  return utf8Length(JSON.stringify(text)) - QUOTES;
}
