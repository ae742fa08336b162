import type { EndedStream, StreamEnd } from '../../contracts/sessions/session-stream.ts';
import type {
  EarlyRelease,
  EndedRecord,
  RequestRecord,
  SessionsSnapshot,
  ShadowCount,
  StreamRecord,
  StreamSessionsInput,
} from '../../contracts/sessions/stream-sessions.ts';
import { isPolicy } from './session-forms.ts';

/**
 * Reads the argument of a start. The workflow writes it itself when it continues as new; started by hand it may be anything,
 * and the id of the account is taken by what was started. What makes no sense is left out.
 */
export function readSessionsInput(argument: unknown): StreamSessionsInput {
  if (!isFields(argument)) return {};
  const { carried, continueAfterMessages } = argument;
  const snapshot = readSnapshot(carried);
  return {
    ...(snapshot ? { carried: snapshot } : {}),
    ...(isCount(continueAfterMessages) ? { continueAfterMessages } : {}),
  };
}

function readSnapshot(value: unknown): SessionsSnapshot | undefined {
  if (!isFields(value)) return undefined;
  const { nowMs, touchedAtMs, policy, plan, shadow } = value;
  if (!isTime(nowMs) || !isTime(touchedAtMs)) return undefined;
  return {
    nowMs,
    touchedAtMs,
    ...(isPolicy(policy) ? { policy } : {}),
    ...(isText(plan) ? { plan } : {}),
    streams: listOf(value['streams'], isStreamRecord),
    ended: listOf(value['ended'], isEndedRecord),
    requests: listOf(value['requests'], isRequestRecord),
    ...(value['early'] === undefined ? {} : { early: listOf(value['early'], isEarlyRelease) }),
    ...(isShadowCount(shadow) ? { shadow } : {}),
    ...(value['notices'] === undefined ? {} : { notices: listOf(value['notices'], isEndedStream) }),
  };
}

function isStreamRecord(value: unknown): value is StreamRecord {
  if (!isFields(value) || !areTexts(value, ['streamId', 'deviceId'])) return false;
  const { mode, slots, ending } = value;
  return (
    areTextsIfPresent(value, ['deviceType', 'contentId', 'requestId']) &&
    isContent(value['acquiredFor'] ?? {}) &&
    isMode(mode) &&
    isCount(slots) &&
    [value['startedAtMs'], value['leaseMs'], value['leaseEndMs'], value['doubtMs'] ?? 0].every(isTime) &&
    (ending === undefined || (isFields(ending) && isTime(ending['atMs']) && isEnd(ending['end'])))
  );
}

function isEndedRecord(value: unknown): value is EndedRecord {
  if (!isFields(value) || !areTexts(value, ['streamId', 'deviceId'])) return false;
  const { mode, endedAtMs, end } = value;
  return (
    areTextsIfPresent(value, ['deviceType', 'contentId', 'requestId']) &&
    isContent(value['acquiredFor'] ?? {}) &&
    isMode(mode) &&
    isTime(endedAtMs) &&
    isEnd(end)
  );
}

function isContent(value: unknown): boolean {
  return isFields(value) && areTextsIfPresent(value, ['contentId']);
}

function isRequestRecord(value: unknown): value is RequestRecord {
  if (!isFields(value) || !areTexts(value, ['requestId', 'streamId'])) return false;
  return (value['kind'] === 'acquire' || value['kind'] === 'release') && isTime(value['atMs']);
}

function isEarlyRelease(value: unknown): value is EarlyRelease {
  if (!isFields(value) || !areTexts(value, ['streamId'])) return false;
  return areTextsIfPresent(value, ['requestId']) && isTime(value['atMs']);
}

function isEndedStream(value: unknown): value is EndedStream {
  return isFields(value) && areTexts(value, ['streamId', 'deviceId', 'endedAt']) && isEnd(value['end']);
}

function isShadowCount(value: unknown): value is ShadowCount {
  return isFields(value) && ['version', 'evaluated', 'refused'].every((name) => Number.isSafeInteger(value[name]));
}

function isEnd(value: unknown): value is StreamEnd {
  if (!isFields(value)) return false;
  const { reason, evictor } = value;
  if (reason !== 'evicted') return reason === 'expired' || reason === 'released';
  if (!isFields(evictor)) return false;
  return evictor['kind'] === 'operator'
    ? areTextsIfPresent(evictor, ['by', 'reason'])
    : evictor['kind'] === 'stream' && areTexts(evictor, ['streamId', 'deviceId']);
}

function isMode(value: unknown): boolean {
  return value === 'direct' || value === 'watched' || value === 'counted';
}

type Fields = Readonly<Record<string, unknown>>;

function listOf<Item>(value: unknown, isItem: (item: unknown) => item is Item): readonly Item[] {
  return Array.isArray(value) ? value.filter((item) => isItem(item)) : [];
}

function areTexts(value: Fields, names: readonly string[]): boolean {
  return names.every((name) => isText(value[name]));
}

function areTextsIfPresent(value: Fields, names: readonly string[]): boolean {
  return names.every((name) => value[name] === undefined || typeof value[name] === 'string');
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** Such as JavaScript has dates for, with room for a lease more. */
function isTime(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= 8e15;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}
