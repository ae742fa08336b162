/** Code that is mutated by operators. */
export interface Target {
  /** Tests that must notice: all of them run in milliseconds, without a server. */
  readonly tests: readonly string[];
  /** The functions and classes of the file that are mutated; all when left out. */
  readonly only?: readonly string[];
}

/** Of what an account's ledger is made of. */
const LEDGER_TESTS = [
  'test/sessions/ledger.test.ts',
  'test/sessions/ledger-answers.test.ts',
  'test/sessions/ledger-holds.test.ts',
  'test/sessions/first-rules.test.ts',
  'test/sessions/content-switch.test.ts',
];

/** By file. */
export const TARGETS: Readonly<Record<string, Target>> = {
  'contracts/events/edge-order.ts': {
    tests: ['test/contracts/edge-order.test.ts', 'test/contracts/edge-register.test.ts'],
  },
  'contracts/events/event-guards.ts': { tests: ['test/contracts/event-guards.test.ts'] },
  'contracts/shared/timestamps.ts': { tests: ['test/contracts/timestamps.test.ts'] },
  'contracts/events/activity-reference.ts': { tests: ['test/contracts/activity-reference.test.ts'] },
  'contracts/shared/dead-letter-attributes.ts': {
    tests: ['test/contracts/dead-letter-attributes.test.ts', 'test/bridge/dead-letter-message.test.ts'],
  },
  'contracts/events/parse-message.ts': {
    tests: [
      'test/contracts/parse-message.test.ts',
      'test/contracts/message-fields.test.ts',
      'test/contracts/activity-reference.test.ts',
    ],
  },
  'workflows/events/event-details.ts': { tests: ['test/workflows/event-details.test.ts'] },
  'workflows/events/parked-timeout.ts': { tests: ['test/workflows/parked-timeout.test.ts'] },
  'workflows/sessions/session-ledger.ts': { tests: LEDGER_TESTS },
  'workflows/sessions/session-admission.ts': {
    tests: ['test/sessions/admission.test.ts', 'test/sessions/policy.test.ts', ...LEDGER_TESTS],
  },
  'workflows/sessions/session-memory.ts': { tests: ['test/sessions/memory.test.ts', ...LEDGER_TESTS] },
  'workflows/sessions/session-records.ts': { tests: ['test/sessions/records.test.ts', ...LEDGER_TESTS] },
  'activities/classify-failure.ts': { tests: ['test/activities/classify-failure.test.ts'] },
  'activities/attempts.ts': { tests: ['test/activities/attempts.test.ts'] },
  'activities/copy-check.ts': { tests: ['test/activities/copy-check.test.ts'] },
  'bridge/congestion-window.ts': { tests: ['test/bridge/congestion-window.test.ts'] },
  'bridge/decode-body.ts': { tests: ['test/bridge/decode-body.test.ts', 'test/bridge/foreign-bodies.test.ts'] },
  'bridge/start-judge.ts': { tests: ['test/bridge/start-judge-rules.test.ts', 'test/bridge/start-judge.test.ts'] },
  'bridge/start-failure.ts': { tests: ['test/bridge/start-failure.test.ts'] },
  'gateway/limits/gcra.ts': { tests: ['test/gateway/limits.test.ts'] },
  'workflows/events/event-ledger.ts': {
    tests: [
      'test/workflows/ledger-states.test.ts',
      'test/workflows/event-ledger.test.ts',
      'test/contracts/edge-order.test.ts',
    ],
  },
  'workflows/events/event-plan.ts': {
    tests: ['test/workflows/event-steps.test.ts', 'test/workflows/event-plan.test.ts'],
  },
  'workflows/events/step-failure.ts': { tests: ['test/workflows/step-failure.test.ts'] },
  'workflows/events/step-runner.ts': {
    only: ['Attempts', 'attemptsWithin'],
    tests: ['test/workflows/attempts-within.test.ts', 'test/workflows/attempts.test.ts'],
  },
};
