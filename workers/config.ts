import { loadClientConnectConfig, type ClientConnectConfig } from '@temporalio/envconfig';
import { z } from 'zod';
import { requireSecureEndpoint } from '../contracts/endpoint-security.ts';
import { DEFAULT_EVENT_POLICY, type EventPolicy } from '../contracts/event-policy.ts';
import { MESSAGE_ROUTES } from '../contracts/names.ts';
import { commaList, hostAndPort, milliseconds, positiveInt } from '../contracts/settings-fields.ts';
import { accessLogSettings, lakeWriterSettings } from '../gateway/access-log/settings.ts';
import { gatewaySettings, requireGatewayCoherence } from '../gateway/config.ts';

const ROLES = ['bridge', 'events', 'sessions', 'gateway', 'access-log'] as const;

/** Where credentials or data of users go. */
const SECURED_ENDPOINTS = [
  'AWS_ENDPOINT_URL',
  'AWS_ENDPOINT_URL_SQS',
  'AWS_ENDPOINT_URL_S3',
  'STREAM_API_URL',
  'GATEWAY_REDIS_URL',
  'JWT_JWKS_URL',
] as const;

/** Settings read from the environment; `.env.example` explains each. An empty variable counts as not set. */
const environmentSchema = z.object({
  ROLES: commaList.pipe(z.array(z.enum(ROLES)).min(1)).default(['bridge', 'events']),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace']).default('info'),
  METRICS_ADDRESS: hostAndPort.default('127.0.0.1:9464'),
  HEALTH_ADDRESS: hostAndPort.default('127.0.0.1:9465'),
  SHUTDOWN_GRACE_MS: milliseconds.default(25_000),
  PLAINTEXT_HOSTS: commaList.default([]),
  WORKFLOW_BUNDLE: z.string().optional(),

  AWS_REGION: z.string().default('us-east-1'),
  AWS_ENDPOINT_URL: z.url().optional(),
  AWS_ENDPOINT_URL_SQS: z.url().optional(),
  AWS_ENDPOINT_URL_S3: z.url().optional(),
  ACTIVITIES_QUEUE: z.string().default(MESSAGE_ROUTES[0].queue),
  MENTIONS_QUEUE: z.string().default(MESSAGE_ROUTES[1].queue),
  REACTIONS_QUEUE: z.string().default(MESSAGE_ROUTES[2].queue),
  FOLLOWS_QUEUE: z.string().default(MESSAGE_ROUTES[3].queue),
  BRIDGE_RECEIVES_IN_FLIGHT: positiveInt.default(2),
  BRIDGE_MAX_IN_HAND: positiveInt.default(50),
  BRIDGE_LONG_POLL_SECONDS: z.coerce.number().int().min(1).max(20).default(20),
  BRIDGE_VISIBILITY_TIMEOUT_SECONDS: z.coerce.number().int().min(2).max(43_200).default(30),

  STREAM_API_URL: z.url().default('https://api.stream-io-api.com'),
  STREAM_API_KEY: z.string().optional(),
  STREAM_API_SECRET: z.string().optional(),
  STREAM_APP_ID: z.string().optional(),
  STREAM_TIMEOUT_MS: milliseconds.default(10_000),

  WORKER_MAX_CACHED_WORKFLOWS: z.coerce.number().int().min(20).default(500),
  WORKER_WORKFLOW_TASK_SLOTS: positiveInt.default(100),
  WORKER_ACTIVITY_SLOTS: positiveInt.default(100),
  WORKER_LOCAL_ACTIVITY_SLOTS: positiveInt.default(100),
  WORKER_ACTIVITIES_PER_SECOND: z.coerce.number().positive().default(50),
  WORKER_WORKFLOW_TASK_POLLERS: z.coerce.number().int().min(2).default(10),
  WORKER_ACTIVITY_TASK_POLLERS: positiveInt.default(5),
  WORKER_DEPLOYMENT_NAME: z.string().optional(),
  WORKER_BUILD_ID: z.string().optional(),
  SESSIONS_MAX_CACHED_WORKFLOWS: z.coerce.number().int().min(20).default(1_000),

  ...gatewaySettings,
  ...lakeWriterSettings,
  // Set, the gateway keeps an access log; the writer has a default.
  ...accessLogSettings,

  EVENT_FAST_ATTEMPT_TIMEOUT_MS: milliseconds.optional(),
  EVENT_ATTEMPT_TIMEOUT_MS: milliseconds.optional(),
  EVENT_RETRY_INITIAL_MS: milliseconds.optional(),
  EVENT_RETRY_MAXIMUM_MS: milliseconds.optional(),
  EVENT_RETRY_BUDGET_MS: milliseconds.optional(),
  EVENT_COMPENSATION_BUDGET_MS: milliseconds.optional(),
  EVENT_LATE_COMMIT_MS: z.coerce.number().int().min(0).max(600_000).optional(),
  EVENT_PARENT_WAIT_MS: z.coerce.number().int().min(0).optional(),
  EVENT_PARENT_MISSING: z.enum(['park', 'write']).optional(),
  EVENT_COPY_CONFIRM_ATTEMPTS: positiveInt.optional(),
  EVENT_COPY_ROUNDS: positiveInt.optional(),
  EVENT_RESUMED_LINGER_MS: z.coerce.number().int().min(1_000).optional(),
  EVENT_OVERTAKEN_LINGER_MS: milliseconds.optional(),
  EVENT_AUTO_RETRY_DELAYS_MS: commaList.pipe(z.array(z.coerce.number<string>().int().min(1))).optional(),
  EVENT_PARKED_LIMIT_MS: milliseconds.optional(),
});

type Environment = z.output<typeof environmentSchema>;

export interface WorkerConfig {
  readonly roles: ReadonlySet<(typeof ROLES)[number]>;
  readonly environment: Environment;
  readonly temporal: ClientConnectConfig & { readonly namespace: string };
  readonly policy: Partial<EventPolicy>;
}

/**
 * Reads the configuration of a worker process. The connection to Temporal follows `@temporalio/envconfig`:
 * `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`, `TEMPORAL_TLS_*` or a TOML profile.
 *
 * @throws Error that names every variable at fault and says what it must be
 */
export function loadWorkerConfig(variables: NodeJS.ProcessEnv = process.env): WorkerConfig {
  const set = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = environmentSchema.safeParse(set);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => `  ${path[0]?.toString() ?? ''}: ${message}`);
    throw new Error(`The environment is not usable:\n${faults.join('\n')}`);
  }
  const environment = parsed.data;
  const roles = new Set(environment.ROLES);
  for (const name of SECURED_ENDPOINTS) {
    const url = environment[name];
    if (url !== undefined) requireSecureEndpoint(name, url, environment.PLAINTEXT_HOSTS);
  }
  if (roles.has('events')) requireStreamCredentials(environment);
  if (roles.has('gateway')) requireGatewayCoherence(environment);
  requireCoherence(environment);
  const temporal = loadClientConnectConfig({ overrideEnvVars: toStrings(set) });
  requireSecureTemporal(temporal, environment.PLAINTEXT_HOSTS);
  return {
    roles,
    environment,
    temporal: { ...temporal, namespace: temporal.namespace ?? 'default' },
    policy: toPolicy(environment),
  };
}

function requireStreamCredentials({ STREAM_API_KEY, STREAM_API_SECRET }: Environment): void {
  const missing = Object.entries({ STREAM_API_KEY, STREAM_API_SECRET }).filter(([, value]) => value === undefined);
  if (missing.length === 0) return;
  const names = missing.map(([name]) => name).join(' and ');
  throw new Error(`${names} must be set: the role "events" writes to GetStream. Take them from the app's dashboard.`);
}

function requireSecureTemporal({ connectionOptions }: ClientConnectConfig, plaintextHosts: readonly string[]): void {
  const { address = 'localhost:7233', tls, apiKey } = connectionOptions;
  const encrypted = (tls !== undefined && tls !== null && tls !== false) || apiKey !== undefined;
  requireSecureEndpoint('TEMPORAL_ADDRESS', `${encrypted ? 'https' : 'http'}://${address}`, plaintextHosts);
}

function requireCoherence(environment: Environment): void {
  const fast = environment.EVENT_FAST_ATTEMPT_TIMEOUT_MS ?? DEFAULT_EVENT_POLICY.fastAttemptTimeoutMs;
  const attempt = environment.EVENT_ATTEMPT_TIMEOUT_MS ?? DEFAULT_EVENT_POLICY.attemptTimeoutMs;
  if (attempt <= environment.STREAM_TIMEOUT_MS) {
    throw new Error('EVENT_ATTEMPT_TIMEOUT_MS must be above STREAM_TIMEOUT_MS, or attempts end before their calls do.');
  }
  if (fast > attempt) throw new Error('EVENT_FAST_ATTEMPT_TIMEOUT_MS must not be above EVENT_ATTEMPT_TIMEOUT_MS.');
  if ((environment.WORKER_DEPLOYMENT_NAME === undefined) !== (environment.WORKER_BUILD_ID === undefined)) {
    throw new Error('WORKER_DEPLOYMENT_NAME and WORKER_BUILD_ID go together: set both or none.');
  }
}

function toPolicy(environment: Environment): Partial<EventPolicy> {
  const policy = {
    fastAttemptTimeoutMs: environment.EVENT_FAST_ATTEMPT_TIMEOUT_MS,
    attemptTimeoutMs: environment.EVENT_ATTEMPT_TIMEOUT_MS,
    retryInitialMs: environment.EVENT_RETRY_INITIAL_MS,
    retryMaximumMs: environment.EVENT_RETRY_MAXIMUM_MS,
    retryBudgetMs: environment.EVENT_RETRY_BUDGET_MS,
    compensationBudgetMs: environment.EVENT_COMPENSATION_BUDGET_MS,
    lateCommitMs: environment.EVENT_LATE_COMMIT_MS,
    parentWaitMs: environment.EVENT_PARENT_WAIT_MS,
    parentMissing: environment.EVENT_PARENT_MISSING,
    copyConfirmAttempts: environment.EVENT_COPY_CONFIRM_ATTEMPTS,
    copyRounds: environment.EVENT_COPY_ROUNDS,
    resumedLingerMs: environment.EVENT_RESUMED_LINGER_MS,
    overtakenLingerMs: environment.EVENT_OVERTAKEN_LINGER_MS,
    autoRetryDelaysMs: environment.EVENT_AUTO_RETRY_DELAYS_MS,
    parkedLimitMs: environment.EVENT_PARKED_LIMIT_MS,
  } satisfies Record<keyof EventPolicy, unknown>;
  return Object.fromEntries(Object.entries(policy).filter(([, value]) => value !== undefined));
}

function toStrings(variables: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, value ?? '']));
}
