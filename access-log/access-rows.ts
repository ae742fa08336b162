import { ACCESS_COLUMNS, type AccessColumn } from '../contracts/sessions/access-record.ts';

/** Why a message can never be written to the lake. Operators select by these codes, so they do not change. */
export type UnreadableCode = 'EmptyMessage' | 'InvalidJson' | 'InvalidRecord';

/** A message that is no access log; goes to the dead-letter queue. */
export class UnreadableMessage extends Error {
  override readonly name = 'UnreadableMessage';
  readonly code: UnreadableCode;

  constructor(code: UnreadableCode, sentence: string) {
    super(sentence);
    this.code = code;
  }
}

/** Rows of one message that belong to one partition. */
export interface PartitionRows {
  readonly lines: string[];
  /** The earliest `at`. */
  firstAt: string;
}

interface AccessRow {
  readonly at: string;
  readonly columns: Readonly<Record<string, unknown>>;
}

const COLUMN_NAME = /^[a-z][a-z0-9_]{0,127}$/;
const AT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;

/**
 * Rows of a message by partition, `dt=YYYY-MM-DD/hour=HH` (UTC) of each row's own time. Columns that are not known here are
 * kept, so that a newer gateway may run before this writer does.
 *
 * @throws UnreadableMessage when any line is no access record: a message is written as a whole or not at all
 */
export function partitionRows(body: string): ReadonlyMap<string, PartitionRows> {
  const partitions = new Map<string, PartitionRows>();
  for (const [index, line] of body.split('\n').entries()) {
    if (line.trim() === '') continue;
    const { at, columns } = checkedRow(line, `line ${index + 1}`);
    const partition = `dt=${at.slice(0, 10)}/hour=${at.slice(11, 13)}`;
    const rows = partitions.get(partition) ?? { lines: [], firstAt: at };
    if (at < rows.firstAt) rows.firstAt = at;
    // Written anew, so that no key stands twice in a row; Athena fails on that.
    rows.lines.push(JSON.stringify(columns));
    partitions.set(partition, rows);
  }
  if (partitions.size === 0) throw new UnreadableMessage('EmptyMessage', 'the message holds no record');
  return partitions;
}

/** @returns undefined when the line is no access record */
export function parseAccessRow(line: string): AccessRow | undefined {
  try {
    return checkedRow(line, 'the line');
  } catch {
    return undefined;
  }
}

function checkedRow(line: string, place: string): AccessRow {
  const columns = parseObject(line, place);
  for (const [name, value] of Object.entries(columns)) {
    if (!COLUMN_NAME.test(name)) throw invalid(place, `has a column whose name is not in lower case with underscores`);
    if (typeof value === 'object' && value !== null) throw invalid(place, `has a nested value in ${name}`);
  }
  for (const { name, type, required } of ACCESS_COLUMNS) {
    const value = columns[name] ?? undefined;
    if (value === undefined ? required : !isOf(type, value)) throw invalid(place, `needs ${name} to be a ${type}`);
  }
  const at = String(columns.at);
  if (!isInstant(at)) throw invalid(place, 'needs at to be UTC with milliseconds');
  return { at, columns };
}

function parseObject(line: string, place: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new UnreadableMessage('InvalidJson', `${place} is not JSON: ${String(error)}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(place, 'is no JSON object');
  return Object.fromEntries(Object.entries(value));
}

/** A day that the calendar does not have, which `Date` rolls over, would make a partition nobody reads. */
function isInstant(at: string): boolean {
  return AT.test(at) && !Number.isNaN(Date.parse(at)) && new Date(at).toISOString() === at;
}

function isOf(type: AccessColumn['type'], value: unknown): boolean {
  if (type === 'string') return typeof value === 'string';
  return type === 'integer' ? Number.isSafeInteger(value) : typeof value === 'number';
}

function invalid(place: string, fault: string): UnreadableMessage {
  return new UnreadableMessage('InvalidRecord', `${place} ${fault}`);
}
