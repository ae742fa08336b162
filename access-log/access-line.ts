import { redactText } from '../contracts/shared/redaction.ts';
import { ACCESS_COLUMNS, type AccessRecord } from '../contracts/sessions/access-record.ts';

/**
 * Longest text of a column, UTF-16 units. With it the longest line is about 44,000 bytes, every character escaped, which
 * fits a message of the queue whatever a client sends.
 */
const MAX_TEXT = 512;
const CUT_MARK = '…';

/**
 * What SQS refuses in a message beyond the control characters, which JSON escapes anyhow: U+FFFE and U+FFFF. Surrogate
 * pairs are allowed, yet not by every endpoint that speaks SQS. JSON may escape any character, so nothing is lost.
 */
const ESCAPED = /[\uD800-\uDFFF\uFFFE\uFFFF]/g;

/**
 * A record as one line of NDJSON, without the line break, in characters SQS takes. A token that a client put where an id or
 * its own name belongs is left out.
 */
export function toAccessLine(record: AccessRecord): string {
  const row: Record<string, string | number> = {};
  for (const { field, name, type } of ACCESS_COLUMNS) {
    const value = type === 'string' ? textOf(record[field]) : numberOf(record[field], type);
    if (value !== undefined) row[name] = value;
  }
  return redactText(JSON.stringify(row)).replace(ESCAPED, (unit) => `\\u${unit.charCodeAt(0).toString(16)}`);
}

function textOf(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  // A half of a pair has no UTF-8 form; readers of the lake would fail on it.
  if (value.length <= MAX_TEXT) return value.toWellFormed();
  return (
    value
      .slice(0, MAX_TEXT - CUT_MARK.length)
      .replace(/[\uD800-\uDBFF]$/, '')
      .toWellFormed() + CUT_MARK
  );
}

function numberOf(value: unknown, type: 'integer' | 'number'): number | undefined {
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
  return type === 'integer' ? Math.round(value) : value;
}
