import { WORKFLOW_TYPES, type EventStatus } from '../contracts/shared/names.ts';
import { InvalidEventQueryError } from './event-errors.ts';

const STRINGS = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`/gu;

/**
 * Statuses of an event that is still to be dealt with. A run that was terminated, reset, timed out or continued as new keeps
 * the status it had, and nobody waits for it any more: only an open run counts.
 */
const OPEN_STATUSES: readonly EventStatus[] = ['pending', 'parked'];

/**
 * A visibility query for events, and for nothing else whatever the given one says. With the status `pending` or `parked` it
 * finds open runs only.
 *
 * @param query further condition in Temporal's list filter syntax; none when left out or blank
 * @throws InvalidEventQueryError when the query's parentheses or quotes do not pair, as it could then reach further
 */
export function eventQueryOf(query?: string, status?: EventStatus): string {
  const conditions = [`WorkflowType="${WORKFLOW_TYPES.socialEvent}"`];
  if (status !== undefined) conditions.push(`EventStatus="${status}"`);
  if (status !== undefined && OPEN_STATUSES.includes(status)) conditions.push('ExecutionStatus="Running"');
  if (query !== undefined && query.trim() !== '') conditions.push(`(${checked(query.trim())})`);
  return conditions.join(' AND ');
}

function checked(query: string): string {
  const bare = query.replace(STRINGS, '');
  if (/["'`]/u.test(bare)) throw new InvalidEventQueryError(`a quote of the query is not closed: ${query}`);
  if (/\border\s+by\b/iu.test(bare)) throw new InvalidEventQueryError('the query must not hold ORDER BY');
  let depth = 0;
  for (const character of bare) {
    if (character === '(') depth++;
    if (character === ')') depth--;
    if (depth < 0) break;
  }
  if (depth !== 0) throw new InvalidEventQueryError(`the parentheses of the query do not pair: ${query}`);
  return query;
}
