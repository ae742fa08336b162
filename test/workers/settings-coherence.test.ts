import assert from 'node:assert/strict';
import { loadWorkerConfig } from '../../workers/config.ts';

const GATEWAY = {
  ROLES: 'gateway',
  JWT_SECRET: 'a secret of at least thirty-two bytes',
  JWT_UNCHECKED_CLAIMS: 'iss,aud',
};
const REQUIRED = { STREAM_API_KEY: 'key', STREAM_API_SECRET: 'secret' };

describe('settings that do not go together', () => {
  const refusals: [name: string, variables: Record<string, string>, fault: RegExp][] = [
    [
      'a longest pause below the first one',
      { EVENT_RETRY_INITIAL_MS: '2000', EVENT_RETRY_MAXIMUM_MS: '1999' },
      /^EVENT_RETRY_MAXIMUM_MS=1999 must not be below EVENT_RETRY_INITIAL_MS=2000: /,
    ],
    [
      'a longest pause below the first one by default',
      { EVENT_RETRY_MAXIMUM_MS: '500' },
      /^EVENT_RETRY_MAXIMUM_MS=500 must not be below EVENT_RETRY_INITIAL_MS \(1000 by default\): /,
    ],
    [
      'a first pause above the longest one by default',
      { EVENT_RETRY_INITIAL_MS: '60001' },
      /^EVENT_RETRY_MAXIMUM_MS \(60000 by default\) must not be below EVENT_RETRY_INITIAL_MS=60001: /,
    ],
    ['attempts shorter than their calls', { EVENT_ATTEMPT_TIMEOUT_MS: '9000' }, /must be above STREAM_TIMEOUT_MS/],
    ['calls longer than their attempts', { STREAM_TIMEOUT_MS: '15000' }, /must be above STREAM_TIMEOUT_MS=15000/],
    [
      'a later attempt with less time than the first',
      { EVENT_ATTEMPT_TIMEOUT_MS: '3000', STREAM_TIMEOUT_MS: '2000' },
      /^EVENT_ATTEMPT_TIMEOUT_MS=3000 must not be below EVENT_FAST_ATTEMPT_TIMEOUT_MS \(4000 by default\)/,
    ],
    [
      'a first attempt that outlasts its workflow task',
      { EVENT_FAST_ATTEMPT_TIMEOUT_MS: '9500' },
      /^EVENT_FAST_ATTEMPT_TIMEOUT_MS=9500 must be .* workflow task/,
    ],
    [
      'a budget below one attempt',
      { EVENT_RETRY_BUDGET_MS: '14999' },
      /^EVENT_RETRY_BUDGET_MS=14999 must not be below/,
    ],
    [
      'a budget for undoing below one attempt',
      { EVENT_COMPENSATION_BUDGET_MS: '14999' },
      /^EVENT_COMPENSATION_BUDGET_MS=14999 must not be below EVENT_ATTEMPT_TIMEOUT_MS \(15000 by default\)/,
    ],
    [
      'attempts above their budget by default',
      { EVENT_ATTEMPT_TIMEOUT_MS: '600000', EVENT_COMPENSATION_BUDGET_MS: '599999' },
      /^EVENT_COMPENSATION_BUDGET_MS=599999 must not be below EVENT_ATTEMPT_TIMEOUT_MS=600000/,
    ],
    [
      'a wait for parents without a second look',
      { EVENT_PARENT_WAIT_MS: '59999' },
      /^EVENT_PARENT_WAIT_MS=59999 must be 0 or not below EVENT_RETRY_MAXIMUM_MS \(60000 by default\)/,
    ],
    [
      'pauses above the wait for parents by default',
      { EVENT_RETRY_MAXIMUM_MS: '120001' },
      /^EVENT_PARENT_WAIT_MS \(120000 by default\) must be 0 or not below EVENT_RETRY_MAXIMUM_MS=120001/,
    ],
    [
      'an end of patience before the last retry by itself',
      { EVENT_AUTO_RETRY_DELAYS_MS: '1000,60000', EVENT_PARKED_LIMIT_MS: '60999' },
      /^EVENT_PARKED_LIMIT_MS=60999 must not be below the sum of EVENT_AUTO_RETRY_DELAYS_MS=1000,60000, 61000/,
    ],
    [
      'messages that come back while they are polled for',
      { BRIDGE_VISIBILITY_TIMEOUT_SECONDS: '19' },
      /^BRIDGE_VISIBILITY_TIMEOUT_SECONDS=19 must not be below BRIDGE_LONG_POLL_SECONDS \(20 by default\)/,
    ],
    [
      'messages that come back while the bridge finishes',
      { SHUTDOWN_GRACE_MS: '60001' },
      /^BRIDGE_VISIBILITY_TIMEOUT_SECONDS \(30 by default\) must not be below half of SHUTDOWN_GRACE_MS=60001/,
    ],
    [
      'fewer workflows in memory than tasks',
      { WORKER_MAX_CACHED_WORKFLOWS: '99' },
      /^WORKER_MAX_CACHED_WORKFLOWS=99 must not be below WORKER_WORKFLOW_TASK_SLOTS \(100 by default\)/,
    ],
    [
      'fewer accounts in memory than tasks',
      { ROLES: 'sessions', SESSIONS_MAX_CACHED_WORKFLOWS: '99' },
      /^SESSIONS_MAX_CACHED_WORKFLOWS=99 must not be below WORKER_WORKFLOW_TASK_SLOTS/,
    ],
    ['pollers without a slot', { WORKER_WORKFLOW_TASK_SLOTS: '9' }, /^WORKER_WORKFLOW_TASK_SLOTS=9 must not be below/],
    ['pollers without a slot for activities', { WORKER_ACTIVITY_SLOTS: '4' }, /^WORKER_ACTIVITY_SLOTS=4 must not be/],
    ['a request shorter than its headers', { GATEWAY_REQUEST_TIMEOUT_MS: '4999' }, /^GATEWAY_REQUEST_TIMEOUT_MS=4999/],
    ['a longest block below the first', { ABUSE_BLOCK_MS: '86400001' }, /^ABUSE_MAX_BLOCK_MS \(86400000 by default\)/],
    ['no time after the drain', { ...GATEWAY, GATEWAY_DRAIN_MS: '25000' }, /^SHUTDOWN_GRACE_MS \(25000 by default\)/],
    ['one port for metrics and health', { METRICS_ADDRESS: '127.0.0.1:9465' }, /^METRICS_ADDRESS=127.0.0.1:9465 must/],
    ['one port under two names', { METRICS_ADDRESS: 'localhost:9465' }, /HEALTH_ADDRESS \(127.0.0.1:9465 by default\)/],
    ['one port of every address', { HEALTH_ADDRESS: '0.0.0.0:9464' }, /^METRICS_ADDRESS .* HEALTH_ADDRESS=/],
    ['one port of every address of IPv6', { HEALTH_ADDRESS: '[::]:9464' }, /^METRICS_ADDRESS .* HEALTH_ADDRESS=/],
    [
      'metrics where nobody finds them',
      { METRICS_ADDRESS: '127.0.0.1:0' },
      /^METRICS_ADDRESS=127.0.0.1:0 must name a port/,
    ],
    ['health where nobody finds it', { HEALTH_ADDRESS: '[::]:0' }, /^HEALTH_ADDRESS=\[::\]:0 must name a port from 1/],
    [
      'a gateway where nobody finds it',
      { ...GATEWAY, GATEWAY_ADDRESS: '0.0.0.0:00' },
      /^GATEWAY_ADDRESS=0.0.0.0:00 must/,
    ],
    ['the gateway on a port that is taken', { ...GATEWAY, GATEWAY_ADDRESS: '0.0.0.0:9464' }, /GATEWAY_ADDRESS=/],
    ['one queue for two kinds', { FOLLOWS_QUEUE: 'social-graph-mentions' }, /^MENTIONS_QUEUE .* FOLLOWS_QUEUE=/],
    [
      'one queue for events and access log',
      { ACCESS_LOG_QUEUE: 'social-graph-mentions' },
      /^MENTIONS_QUEUE .* ACCESS_LOG/,
    ],
    [
      'a queue that is the dead-letter queue of another',
      { MENTIONS_QUEUE: 'social-graph-activities-dlq' },
      /^ACTIVITIES_QUEUE .* and MENTIONS_QUEUE=social-graph-activities-dlq must be two queues/,
    ],
  ];
  for (const [name, variables, fault] of refusals) {
    it(`are refused by name: ${name}`, () => {
      assert.throws(() => loadWorkerConfig({ ...REQUIRED, ...variables }), { name: 'SettingsError', message: fault });
    });
  }

  const accepted: [name: string, variables: Record<string, string>][] = [
    ['no wait for parents at all', { EVENT_PARENT_WAIT_MS: '0' }],
    ['one pause for all', { EVENT_RETRY_INITIAL_MS: '60000' }],
    ['one port on two addresses', { METRICS_ADDRESS: '10.0.0.1:9465' }],
    ['the port of a gateway that this process is not', { GATEWAY_ADDRESS: '127.0.0.1:9464' }],
    ['few accounts where there are none', { SESSIONS_MAX_CACHED_WORKFLOWS: '20' }],
    ['a limit right after the last retry', { EVENT_AUTO_RETRY_DELAYS_MS: '1000', EVENT_PARKED_LIMIT_MS: '1000' }],
  ];
  for (const [name, variables] of accepted) {
    it(`are accepted where they do: ${name}`, () => void loadWorkerConfig({ ...REQUIRED, ...variables }));
  }
});
