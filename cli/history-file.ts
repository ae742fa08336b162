import { isUtf8 } from 'node:buffer';
import { isObject, normaliseHistory, UnreadableHistoryError, type NormalisedHistory } from './history-format.ts';
import { requireUndecoded } from './history-payloads.ts';

/** How text begins that a Windows shell redirected into a file, and how a packed file does. */
const UTF16_LITTLE_ENDIAN = '\uFEFF';
const GZIP = Buffer.from([0x1f, 0x8b]);

const HOW_TO_SAVE = 'save it by: temporal workflow show --workflow-id <id> --output json';

/**
 * The history that a file holds. Byte order marks, any line ends and UTF-16 are taken.
 *
 * @throws UnreadableHistoryError with one sentence that says what the file holds instead and what to do
 */
export function parseHistoryFile(content: Buffer): NormalisedHistory {
  const json = parseJson(textOf(content));
  if (isListOfHistories(json)) {
    throw new UnreadableHistoryError('it holds several histories: save each in a file of its own');
  }
  if (isObject(json) && typeof json['nextPageToken'] === 'string' && json['nextPageToken'] !== '') {
    throw new UnreadableHistoryError(`it holds only the first page of a history; ${HOW_TO_SAVE}`);
  }
  const history = normaliseHistory(json);
  requireUndecoded(history);
  requireWhole(history);
  return history;
}

function textOf(content: Buffer): string {
  if (content.subarray(0, GZIP.length).equals(GZIP))
    throw new UnreadableHistoryError('it is compressed: unpack it first');
  const isUtf16 = content.subarray(0, 2).toString('utf16le') === UTF16_LITTLE_ENDIAN;
  if (!isUtf16 && !isUtf8(content)) throw new UnreadableHistoryError(`it is no text; ${HOW_TO_SAVE}`);
  return new TextDecoder(isUtf16 ? 'utf-16le' : 'utf-8').decode(content).trim();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UnreadableHistoryError(`${whatElse(text)}; ${HOW_TO_SAVE}`, { cause });
  }
}

/** What a text is that is no JSON. */
function whatElse(text: string): string {
  if (text === '') return 'it is empty';
  if (text.startsWith('<')) return 'it is an HTML page, such as a sign-in page, and no history';
  if (!/^[[{]/u.test(text)) return 'it is not JSON';
  const [first = ''] = text.split('\n', 1);
  if (isJson(first)) return 'it holds more than one JSON document';
  return /[\]}]$/u.test(text) ? 'its JSON is broken' : 'it was cut off in the middle';
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function isListOfHistories(json: unknown): boolean {
  return (
    Array.isArray(json) &&
    json.length > 0 &&
    json.every((each) => isObject(each) && ('events' in each || 'history' in each))
  );
}

/** @throws UnreadableHistoryError when events are missing before the last one, or stand in another order */
function requireWhole({ events }: NormalisedHistory): void {
  for (const [index, { eventId }] of events.entries()) {
    if (Number(eventId) === index + 1) continue;
    throw new UnreadableHistoryError(
      `it is not whole: where event ${index + 1} should be, it has ${String(eventId)}; ${HOW_TO_SAVE}`,
    );
  }
}
