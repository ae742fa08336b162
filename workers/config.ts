import { loadClientConnectConfig, type ClientConnectConfig } from '@temporalio/envconfig';
import { z } from 'zod';
import { requireSecureEndpoint, requireUsableTls } from '../contracts/endpoint-security.ts';
import type { EventPolicy } from '../contracts/event-policy.ts';
import { MESSAGE_ROUTES } from '../contracts/names.ts';
import { redactText } from '../contracts/redaction.ts';
import {
  commaList,
  decimalNumber,
  hostAndPort,
  queueName,
  urlField,
  wholeNumber,
  type SettingsFault,
} from '../contracts/settings-fields.ts';
import { readSecretFiles, type WithSecrets } from '../contracts/secret-files.ts';
import { accessLogSettings, lakeWriterSettings } from '../gateway/access-log/settings.ts';
import { gatewaySettings } from '../gateway/config.ts';
import { redisHostUrls } from '../gateway/redis/redis-url.ts';
import { incoherences, POLICY_VARIABLES } from './settings-coherence.ts';

const ROLES = ['bridge', 'events', 'sessions', 'gateway', 'access-log'] as const;
export type Role = (typeof ROLES)[number];
const ROLES_ERROR = `must name one or more of ${ROLES.join(', ')}, separated by commas`;
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;

/** Where credentials or data of users go. */
const SECURED_ENDPOINTS = [
  'AWS_ENDPOINT_URL',
  'AWS_ENDPOINT_URL_SQS',
  'AWS_ENDPOINT_URL_S3',
  'STREAM_API_URL',
  'GATEWAY_REDIS_URL',
  'JWT_JWKS_URL',
] as const;
/** Each may come from a file instead, `<NAME>_FILE`. */
const SECRETS = [
  'STREAM_API_KEY',
  'STREAM_API_SECRET',
  'JWT_SECRET',
  'JWT_SECRET_PREVIOUS',
  'GATEWAY_REDIS_URL',
  'TEMPORAL_API_KEY',
] as const;
/** Not shown to whoever reads the complaint. */
const SECRET = /SECRET|KEY|TOKEN|PASSWORD|URL/;
const SHOWN_CHARACTERS = 80;

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

const environmentSchema = z.object(workerSettings);
export type Environment = z.output<typeof environmentSchema>;

type Temporal = ClientConnectConfig & { readonly namespace: string };

export interface WorkerConfig {
  readonly roles: ReadonlySet<Role>;
  /** The variables of settings, and of files with secrets, as they were set: what of them may be shown is for others to know. */
  readonly given: ReadonlyMap<string, string>;
  readonly environment: Environment;
  readonly temporal: Temporal;
  readonly policy: Partial<EventPolicy>;
}

/** Settings that cannot be used. The message is one sentence, or one a line, that begin with the variables at fault. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';

  constructor(faults: readonly SettingsFault[]) {
    const [first, ...others] = faults.map(({ message }) => redactText(message));
    super(
      others.length === 0
        ? (first ?? '')
        : `These settings cannot be used:\n${[first, ...others].map((line) => `  ${line}`).join('\n')}`,
    );
  }
}

/**
 * Reads the configuration of a worker process. The connection to Temporal follows `@temporalio/envconfig`:
 * `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`, `TEMPORAL_TLS_*` or a TOML profile.
 *
 * @throws SettingsError that names every variable at fault and says what it must be
 */
export function loadWorkerConfig(variables: NodeJS.ProcessEnv = process.env): WorkerConfig {
  const given = new Map(
    Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ''),
  );
  const withSecrets = readSecretFiles(given, SECRETS);
  const set = withSecrets.variables;
  const { environment, faults } = readEnvironment(withSecrets);
  const policy = toPolicy(environment);
  const temporal = readTemporal(set, environment.PLAINTEXT_HOSTS);
  const all = [
    ...faults,
    ...insecureEndpoints(environment),
    // A setting that is wrong by itself is not complained of again.
    ...incoherences(environment, policy, new Set(set.keys())).filter(({ names }) =>
      faults.every((fault) => !fault.names.some((name) => names.includes(name))),
    ),
    ...('fault' in temporal ? [temporal.fault] : []),
  ];
  if (all.length > 0 || 'fault' in temporal) throw new SettingsError(all);
  return {
    roles: new Set(environment.ROLES),
    given: settingsAmong(given),
    environment,
    temporal: temporal.value,
    policy,
  };
}

function settingsAmong(variables: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const names = new Set([...Object.keys(workerSettings), ...SECRETS.map((name) => `${name}_FILE`)]);
  return new Map([...variables].filter(([name]) => names.has(name)));
}

/** The environment, with defaults in place of what cannot be used. */
function readEnvironment({ variables: set, fromFile, faults: unreadable }: WithSecrets): {
  readonly environment: Environment;
  readonly faults: readonly SettingsFault[];
} {
  const parsed = environmentSchema.safeParse(Object.fromEntries(set));
  if (parsed.success) return { environment: parsed.data, faults: unreadable };
  const messages = new Map(parsed.error.issues.map(({ path: [name], message }) => [String(name), message]));
  const usable = [...set].filter(([name]) => !messages.has(name));
  const faults = [...messages].map(([name, message]) => {
    const value = SECRET.test(name) ? '' : `=${(set.get(name) ?? '').slice(0, SHOWN_CHARACTERS)}`;
    const shown = fromFile.has(name) ? `${name}_FILE (${set.get(`${name}_FILE`) ?? ''})` : `${name}${value}`;
    return { names: [name], message: `${shown} ${message}` };
  });
  return { environment: environmentSchema.parse(Object.fromEntries(usable)), faults: [...unreadable, ...faults] };
}

function insecureEndpoints(environment: Environment): SettingsFault[] {
  return SECURED_ENDPOINTS.flatMap((name) => {
    const url = environment[name];
    if (url === undefined) return [];
    const urls = name === 'GATEWAY_REDIS_URL' ? redisHostUrls(url) : [url];
    const checked = attempt([name], () => {
      for (const one of urls) requireSecureEndpoint(name, one, environment.PLAINTEXT_HOSTS);
    });
    return 'fault' in checked ? [checked.fault] : [];
  });
}

function readTemporal(set: ReadonlyMap<string, string>, plaintextHosts: readonly string[]): Attempt<Temporal> {
  return attempt(['TEMPORAL_ADDRESS'], () => {
    const temporal = loadTemporal(Object.fromEntries(set));
    const { address = 'localhost:7233', tls, apiKey } = temporal.connectionOptions;
    const encrypted = (tls !== undefined && tls !== null && tls !== false) || apiKey !== undefined;
    if (typeof tls === 'object') {
      const { clientCertPair: { crt: cert, key } = {}, serverRootCACertificate: ca } = tls ?? {};
      requireUsableTls('TEMPORAL_TLS_*', { cert, key, ca });
    }
    requireSecureEndpoint('TEMPORAL_ADDRESS', `${encrypted ? 'https' : 'http'}://${address}`, plaintextHosts);
    return { ...temporal, namespace: temporal.namespace ?? 'default' };
  });
}

function loadTemporal(overrideEnvVars: Record<string, string>): ClientConnectConfig {
  try {
    return loadClientConnectConfig({ overrideEnvVars });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`TEMPORAL_* variables or the profile they name cannot be used: ${reason}`, { cause });
  }
}

type Attempt<Value> = { readonly value: Value } | { readonly fault: SettingsFault };

function attempt<Value>(names: readonly string[], read: () => Value): Attempt<Value> {
  try {
    return { value: read() };
  } catch (error) {
    return { fault: { names, message: error instanceof Error ? error.message : String(error) } };
  }
}

function toPolicy(environment: Environment): Partial<EventPolicy> {
  return Object.fromEntries(
    Object.entries(POLICY_VARIABLES)
      .map(([field, name]) => [field, environment[name]])
      .filter(([, value]) => value !== undefined),
  );
}
