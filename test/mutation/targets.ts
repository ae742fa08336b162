/** Files that are mutated by operators, with the tests that must notice: all of them run in milliseconds, without a server. */
export const TARGETS: Readonly<Record<string, readonly string[]>> = {
  'contracts/edge-order.ts': ['test/contracts/edge-order.test.ts', 'test/contracts/edge-register.test.ts'],
  'contracts/event-guards.ts': ['test/contracts/event-guards.test.ts'],
  'contracts/timestamps.ts': ['test/contracts/timestamps.test.ts'],
  'contracts/activity-reference.ts': ['test/contracts/activity-reference.test.ts'],
  'contracts/dead-letter-attributes.ts': [
    'test/contracts/dead-letter-attributes.test.ts',
    'test/bridge/dead-letter-message.test.ts',
  ],
  'contracts/parse-message.ts': [
    'test/contracts/parse-message.test.ts',
    'test/contracts/message-fields.test.ts',
    'test/contracts/activity-reference.test.ts',
  ],
  'workflows/event-details.ts': ['test/workflows/event-details.test.ts'],
  'workflows/parked-timeout.ts': ['test/workflows/parked-timeout.test.ts'],
  'workflows/session-ledger.ts': ['test/sessions/ledger.test.ts', 'test/sessions/ledger-answers.test.ts'],
  'workflows/session-admission.ts': ['test/sessions/admission.test.ts'],
  'workflows/session-memory.ts': ['test/sessions/memory.test.ts'],
  'workflows/session-records.ts': ['test/sessions/ledger.test.ts', 'test/sessions/ledger-answers.test.ts'],
  'activities/classify-failure.ts': ['test/activities/classify-failure.test.ts'],
  'activities/copy-check.ts': ['test/activities/copy-check.test.ts'],
  'bridge/decode-body.ts': ['test/bridge/decode-body.test.ts', 'test/bridge/foreign-bodies.test.ts'],
  'bridge/start-judge.ts': ['test/bridge/start-judge-rules.test.ts', 'test/bridge/start-judge.test.ts'],
  'bridge/start-failure.ts': ['test/bridge/start-failure.test.ts'],
  'gateway/limits/gcra.ts': ['test/gateway/limits.test.ts'],
};
