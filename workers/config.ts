import { loadClientConnectConfig, type ClientConnectConfig } from '@temporalio/envconfig';
import { AWS_SECRETS, readAwsCredentials, type AwsCredentials } from '../contracts/shared/aws-credentials.ts';
import { requireSecureEndpoint, requireUsableTls } from '../contracts/shared/endpoint-security.ts';
import type { EventPolicy } from '../contracts/events/event-policy.ts';
import { redactText } from '../contracts/shared/redaction.ts';
import type { SettingsFault } from '../contracts/shared/settings-fields.ts';
import { readSecretFiles, type WithSecrets } from '../contracts/shared/secret-files.ts';
import { redisHostUrls } from '../gateway/redis/redis-url.ts';
import { environmentSchema, workerSettings, type Environment, type Role } from './environment.ts';
import { incoherences, POLICY_VARIABLES } from './settings-coherence.ts';

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
  ...AWS_SECRETS,
] as const;
/** Not shown to whoever reads the complaint. */
const SECRET = /SECRET|KEY|TOKEN|PASSWORD|URL/;
const SHOWN_CHARACTERS = 80;

type Temporal = ClientConnectConfig & { readonly namespace: string };

export interface WorkerConfig {
  readonly roles: ReadonlySet<Role>;
  /** The variables of settings, and of files with secrets, as they were set: what of them may be shown is for others to know. */
  readonly given: ReadonlyMap<string, string>;
  readonly environment: Environment;
  readonly temporal: Temporal;
  /** Left out: the AWS SDK's own chain. */
  readonly awsCredentials?: AwsCredentials;
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
  const aws = readAwsCredentials(withSecrets);
  const all = [
    ...faults,
    ...aws.faults,
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
    ...(aws.credentials ? { awsCredentials: aws.credentials } : {}),
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
