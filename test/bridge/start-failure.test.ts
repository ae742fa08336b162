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
  ['a ring', ring, 'unknown', 'a ring of causes'],
];

describe('a failed start', () => {
  it('tells by its code whose failure it is, where the code is decisive', () => {
    for (const [name, error, scope] of FAILURES) assert.equal(scopeOfFailure(error), scope, name);
  });

  it('is described in Temporal’s own words', () => {
    for (const [name, error, , words] of FAILURES) assert.equal(describeFailure(error), words, name);
  });
});
