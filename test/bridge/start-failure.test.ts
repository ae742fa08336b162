import assert from 'node:assert/strict';
import { NamespaceNotFoundError } from '@temporalio/common';
import { StartRefusedError } from '../../bridge/event-starter.ts';
import { describeFailure, scopeOfFailure, type FailureScope } from '../../bridge/start-failure.ts';
import { grpcFailure } from './support/fake-starter.ts';

const ring = new Error('a ring of causes');
ring.cause = ring;

const FAILURES: readonly (readonly [name: string, error: unknown, scope: FailureScope, words: string])[] = [
  ['INVALID_ARGUMENT', grpcFailure(3, 'bad id'), 'message', 'Failed to start Workflow: INVALID_ARGUMENT: bad id'],
  ['OUT_OF_RANGE', grpcFailure(11, 'x'), 'message', 'Failed to start Workflow: OUT_OF_RANGE: x'],
  ['PERMISSION_DENIED', grpcFailure(7, 'x'), 'everybody', 'Failed to start Workflow: PERMISSION_DENIED: x'],
  ['RESOURCE_EXHAUSTED', grpcFailure(8, 'x'), 'everybody', 'Failed to start Workflow: RESOURCE_EXHAUSTED: x'],
  ['UNIMPLEMENTED', grpcFailure(12, 'x'), 'everybody', 'Failed to start Workflow: UNIMPLEMENTED: x'],
  ['UNAVAILABLE', grpcFailure(14, 'x'), 'everybody', 'Failed to start Workflow: UNAVAILABLE: x'],
  ['UNAUTHENTICATED', grpcFailure(16, ''), 'everybody', 'Failed to start Workflow: UNAUTHENTICATED'],
  ['DEADLINE_EXCEEDED', grpcFailure(4, 'x'), 'unknown', 'Failed to start Workflow: DEADLINE_EXCEEDED: x'],
  ['INTERNAL', grpcFailure(13, 'x'), 'unknown', 'Failed to start Workflow: INTERNAL: x'],
  ['NOT_FOUND', grpcFailure(5, 'x'), 'unknown', 'Failed to start Workflow: NOT_FOUND: x'],
  ['CANCELLED', grpcFailure(1, 'x'), 'unknown', 'Failed to start Workflow: CANCELLED: x'],
  ['UNKNOWN', grpcFailure(2, 'x'), 'unknown', 'Failed to start Workflow: UNKNOWN: x'],
  ['ALREADY_EXISTS', grpcFailure(6, 'x'), 'message', 'Failed to start Workflow: ALREADY_EXISTS: x'],
  ['FAILED_PRECONDITION', grpcFailure(9, 'x'), 'unknown', 'Failed to start Workflow: FAILED_PRECONDITION: x'],
  ['ABORTED', grpcFailure(10, 'x'), 'unknown', 'Failed to start Workflow: ABORTED: x'],
  ['DATA_LOSS', grpcFailure(15, 'x'), 'unknown', 'Failed to start Workflow: DATA_LOSS: x'],
  ['a code nobody knows', grpcFailure(99, 'x'), 'unknown', 'Failed to start Workflow: 99: x'],
  ['a missing namespace', new NamespaceNotFoundError('x'), 'everybody', "Namespace not found: 'x'"],
  ['a refusal of the starter', new StartRefusedError('it kept changing'), 'message', 'it kept changing'],
  [
    'a refusal over a code of everybody’s',
    new StartRefusedError('no history', { cause: grpcFailure(14, 'x') }),
    'message',
    'no history: Failed to start Workflow: UNAVAILABLE: x',
  ],
  ['an error of Node', Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), 'unknown', 'x'],
  ['causes that repeat the words', new Error('x failed', { cause: new Error('x') }), 'unknown', 'x failed'],
  ['an error without words', new TypeError(), 'unknown', 'TypeError'],
  ['what is no error', 'out of order', 'unknown', 'out of order'],
  ['nothing', undefined, 'unknown', 'no reason given'],
  ['null', null, 'unknown', 'no reason given'],
  ['an empty text', '', 'unknown', 'no reason given'],
  ['a cause that is null', new Error('x', { cause: null }), 'unknown', 'x'],
  ['a cause that is empty', new Error('x', { cause: '' }), 'unknown', 'x'],
  ['a cause that is no error', new Error('x', { cause: { cause: grpcFailure(14, 'y') } }), 'unknown', 'x'],
  ['an object with a code', { code: 14, message: 'x' }, 'unknown', 'no reason given'],
  ['a code without details', Object.assign(new Error('x'), { code: 14 }), 'everybody', 'UNAVAILABLE: x'],
  ['details that are no text', Object.assign(new Error('x'), { code: 14, details: 7 }), 'everybody', 'UNAVAILABLE: x'],
  ['a ring', ring, 'unknown', 'a ring of causes'],
];

describe('a failed start', () => {
  it('is looked through ten causes deep', () => {
    const below = (depth: number): unknown =>
      Array.from({ length: depth }).reduce<Error>((cause) => new Error('x', { cause }), grpcFailure(14, 'y'));
    // The code is the second of two errors.
    assert.deepEqual([scopeOfFailure(below(8)), scopeOfFailure(below(9))], ['everybody', 'unknown']);
  });

  it('tells by its code whose failure it is, where the code is decisive', () => {
    for (const [name, error, scope] of FAILURES) assert.equal(scopeOfFailure(error), scope, name);
  });

  it('is described in Temporal’s own words', () => {
    for (const [name, error, , words] of FAILURES) assert.equal(describeFailure(error), words, name);
  });
});
