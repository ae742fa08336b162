import { z } from 'zod';
import { MESSAGE_ROUTES } from '../contracts/shared/names.ts';
import {
  commaList,
  decimalNumber,
  hostAndPort,
  queueName,
  urlField,
  wholeNumber,
} from '../contracts/shared/settings-fields.ts';
import { accessLogSettings, lakeWriterSettings } from '../access-log/settings.ts';
import { gatewaySettings } from '../gateway/config.ts';

const ROLES = ['bridge', 'events', 'sessions', 'gateway', 'access-log'] as const;
export type Role = (typeof ROLES)[number];
const ROLES_ERROR = `must name one or more of ${ROLES.join(', ')}, separated by commas`;
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;

const DAY_MS = 86_400_000;
const MAX_AUTO_RETRIES = 100;
/** A workflow task ends after 10 s [Temporal's default], and more than one first attempt may be made in it. */
const MAX_FAST_ATTEMPT_MS = 5_000;

const slots = wholeNumber(1, 10_000, 'tasks under way in one process');
/** As Temporal's worker wants it where workflows are kept in memory. */
const twoOrMore = wholeNumber(2, 10_000, 'one for workflows in memory and one for others at least');
const autoRetryDelay = wholeNumber(1_000, 30 * DAY_MS, 'milliseconds, from a second to 30 days');

/** Settings read from the environment; `.env.example` explains each. An empty variable counts as not set. */
export const workerSettings = {
  ROLES: commaList
    .pipe(z.array(z.enum(ROLES, { error: ROLES_ERROR })).min(1, { error: ROLES_ERROR }))
    .default(['bridge', 'events']),
  LOG_LEVEL: z.enum(LOG_LEVELS, { error: `must be one of ${LOG_LEVELS.join(', ')}` }).default('info'),
  METRICS_ADDRESS: hostAndPort.default('127.0.0.1:9464'),
  HEALTH_ADDRESS: hostAndPort.default('127.0.0.1:9465'),
  SHUTDOWN_GRACE_MS: wholeNumber(1_000, 3_600_000, 'milliseconds an orchestrator must wait').default(25_000),
  PLAINTEXT_HOSTS: commaList.default([]),
  WORKFLOW_BUNDLE: z.string().optional(),

  AWS_REGION: z.string().default('us-east-1'),
  AWS_ENDPOINT_URL: urlField(/^https?$/).optional(),
  AWS_ENDPOINT_URL_SQS: urlField(/^https?$/).optional(),
  AWS_ENDPOINT_URL_S3: urlField(/^https?$/).optional(),
  ACTIVITIES_QUEUE: queueName.default(MESSAGE_ROUTES[0].queue),
  MENTIONS_QUEUE: queueName.default(MESSAGE_ROUTES[1].queue),
  REACTIONS_QUEUE: queueName.default(MESSAGE_ROUTES[2].queue),
  FOLLOWS_QUEUE: queueName.default(MESSAGE_ROUTES[3].queue),
  BRIDGE_RECEIVES_IN_FLIGHT: wholeNumber(1, 100, 'each is a connection that waits').default(2),
  BRIDGE_MAX_IN_HAND: wholeNumber(1, 10_000, 'messages in memory, each extended while it is there').default(50),
  BRIDGE_LONG_POLL_SECONDS: wholeNumber(1, 20, 'seconds, which SQS limits').default(20),
  BRIDGE_VISIBILITY_TIMEOUT_SECONDS: wholeNumber(
    5,
    43_200,
    'seconds; two extensions may fail within it, and SQS takes 12 hours at most',
  ).default(30),

  STREAM_API_URL: urlField(/^https?$/).default('https://api.stream-io-api.com'),
  STREAM_API_KEY: z.string().optional(),
  STREAM_API_SECRET: z.string().optional(),
  STREAM_APP_ID: z.string().optional(),
  STREAM_TIMEOUT_MS: wholeNumber(100, 300_000, 'milliseconds of one call').default(10_000),

  WORKER_MAX_CACHED_WORKFLOWS: wholeNumber(20, 100_000, 'workflows in memory, about 0.4 MB each').default(500),
  WORKER_WORKFLOW_TASK_SLOTS: twoOrMore.default(100),
  WORKER_ACTIVITY_SLOTS: slots.default(100),
  WORKER_LOCAL_ACTIVITY_SLOTS: slots.default(100),
  WORKER_ACTIVITIES_PER_SECOND: decimalNumber(0.001, 100_000, 'writes a second of all workers').default(50),
  WORKER_WORKFLOW_TASK_POLLERS: twoOrMore.default(10),
  WORKER_ACTIVITY_TASK_POLLERS: slots.default(5),
  WORKER_DEPLOYMENT_NAME: z.string().optional(),
  WORKER_BUILD_ID: z.string().optional(),
  SESSIONS_MAX_CACHED_WORKFLOWS: wholeNumber(20, 100_000, 'accounts in memory, about 0.4 MB each').default(1_000),

  ...gatewaySettings,
  ...lakeWriterSettings,
  // Set, the gateway keeps an access log; the writer has a default.
  ...accessLogSettings,

  EVENT_FAST_ATTEMPT_TIMEOUT_MS: wholeNumber(
    100,
    MAX_FAST_ATTEMPT_MS,
    'milliseconds; it is made inside a workflow task, which Temporal ends after 10 s',
  ).optional(),
  EVENT_ATTEMPT_TIMEOUT_MS: wholeNumber(100, 600_000, 'milliseconds of one write').optional(),
  EVENT_RETRY_INITIAL_MS: wholeNumber(10, 3_600_000, 'milliseconds, an hour at most').optional(),
  EVENT_RETRY_MAXIMUM_MS: wholeNumber(10, DAY_MS, 'milliseconds, a day at most').optional(),
  EVENT_LATE_COMMIT_MS: wholeNumber(0, 600_000, 'milliseconds; no write is carried out later').optional(),
  EVENT_RETRY_BUDGET_MS: wholeNumber(100, 30 * DAY_MS, 'milliseconds, 30 days at most').optional(),
  EVENT_COMPENSATION_BUDGET_MS: wholeNumber(100, 30 * DAY_MS, 'milliseconds, 30 days at most').optional(),
  EVENT_PARENT_WAIT_MS: wholeNumber(0, 30 * DAY_MS, 'milliseconds, 30 days at most').optional(),
  EVENT_PARENT_MISSING: z.enum(['park', 'write'], { error: 'must be park or write' }).optional(),
  EVENT_COPY_CONFIRM_ATTEMPTS: wholeNumber(1, 100, 'looks, each a call to GetStream').optional(),
  EVENT_COPY_ROUNDS: wholeNumber(1, 100, 'follows, each with an unfollow').optional(),
  EVENT_RESUMED_LINGER_MS: wholeNumber(
    1_000,
    60_000,
    'milliseconds; a run that goes on must be started within half of it, and stays in memory for all of it',
  ).optional(),
  EVENT_OVERTAKEN_LINGER_MS: wholeNumber(1_000, 365 * DAY_MS, 'milliseconds, a year at most').optional(),
  EVENT_AUTO_RETRY_DELAYS_MS: commaList
    .pipe(z.array(autoRetryDelay).max(MAX_AUTO_RETRIES, `must not name more than ${MAX_AUTO_RETRIES} pauses`))
    .optional(),
  EVENT_PARKED_LIMIT_MS: wholeNumber(1_000, 365 * DAY_MS, 'milliseconds, a year at most').optional(),
};

export const environmentSchema = z.object(workerSettings);
export type Environment = z.output<typeof environmentSchema>;
