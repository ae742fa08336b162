import { utf8Length } from './text.ts';

/** Temporal refuses a summary whose payload is over 400 bytes [server 1.29, limit.userMetadataSummarySize]. */
const MAX_SUMMARY_BYTES = 400;
const ELLIPSIS = '…';

/** The text cut, where need be, so that Temporal accepts it as a summary: its JSON form is at most 400 bytes. */
export function boundedSummary(text: string): string {
  if (payloadBytes(text) <= MAX_SUMMARY_BYTES) return text;
  let kept = '';
  for (const character of text) {
    if (payloadBytes(kept + character + ELLIPSIS) > MAX_SUMMARY_BYTES) break;
    kept += character;
  }
  return kept + ELLIPSIS;
}

function payloadBytes(text: string): number {
  return utf8Length(JSON.stringify(text));
}
