import assert from 'node:assert/strict';
import { InvalidEventQueryError } from '../../client/event-errors.ts';
import { eventQueryOf } from '../../client/event-query.ts';
import { EVENT_STATUSES } from '../../contracts/shared/names.ts';

describe('a query for events', () => {
  it('asks for nothing but events, whatever else it is given', () => {
    assert.equal(eventQueryOf(), 'WorkflowType="socialEvent"');
    assert.equal(eventQueryOf('  '), 'WorkflowType="socialEvent"');
    assert.equal(
      eventQueryOf('EventKind="follow" OR EventKind="reaction"', 'parked'),
      'WorkflowType="socialEvent" AND EventStatus="parked" AND ExecutionStatus="Running" AND (EventKind="follow" OR EventKind="reaction")',
    );
  });

  it('finds only open runs by a status that waits for somebody, and closed ones by the others', () => {
    for (const status of EVENT_STATUSES) {
      const waits = status === 'parked' || status === 'pending';
      assert.equal(eventQueryOf('', status).includes('ExecutionStatus="Running"'), waits, status);
    }
  });

  it('refuses conditions that would reach beyond their parentheses', () => {
    for (const query of [
      'EventKind="follow") OR (1=1',
      '(EventKind="follow"',
      'EventActor="a',
      "EventActor='a",
      'x="1" ORDER BY y',
    ]) {
      assert.throws(() => eventQueryOf(query), InvalidEventQueryError, query);
    }
  });

  it('takes parentheses and quotes inside of strings as text', () => {
    assert.doesNotThrow(() => eventQueryOf(`EventActor="a)" AND (EventActor='b"(' OR EventActor="it\\"s")`));
  });
});
