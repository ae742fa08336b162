import { readFileSync } from 'node:fs';
import path from 'node:path';
import { loadClientConnectConfig, type ClientConnectConfig } from '@temporalio/envconfig';
import { SignJWT } from 'jose';
import { z } from 'zod';
import { ACCESS_LOG_QUEUE } from '../contracts/sessions/access-record.ts';
import { AWS_SECRETS, readAwsCredentials, type AwsCredentials } from '../contracts/shared/aws-credentials.ts';
import { requireSecureEndpoint } from '../contracts/shared/endpoint-security.ts';
import { MESSAGE_ROUTES } from '../contracts/shared/names.ts';
import { redactText } from '../contracts/shared/redaction.ts';
import { whyUnreadable } from '../contracts/shared/secret-files.ts';
import { readSecretFiles } from '../contracts/shared/secret-files.ts';
import { queueName } from '../contracts/shared/settings-fields.ts';
import { explainError } from '../contracts/shared/text.ts';
import { UsageError } from './usage-error.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Of these, any that is set says which installation is meant; the local stack is then not looked for. */
const INSTALLATION_VARIABLES = [
  'TEMPORAL_ADDRESS',
  'TEMPORAL_NAMESPACE',
  'TEMPORAL_PROFILE',
  'TEMPORAL_CONFIG_FILE',
  'AWS_ENDPOINT_URL',
  'AWS_ENDPOINT_URL_SQS',
  'GATEWAY_URL',
] as const;

const environmentSchema = z.object({
  AWS_REGION: z.string().default('us-east-1'),
  AWS_ENDPOINT_URL: z.url({ protocol: /^https?$/u, error: 'must be an http or https URL' }).optional(),
  AWS_ENDPOINT_URL_SQS: z.url({ protocol: /^https?$/u, error: 'must be an http or https URL' }).optional(),
  PLAINTEXT_HOSTS: z
    .string()
    .default('')
    .transform((list) => list.split(',').map((host) => host.trim().toLowerCase())),
  ACTIVITIES_QUEUE: queueName.default(MESSAGE_ROUTES[0].queue),
  MENTIONS_QUEUE: queueName.default(MESSAGE_ROUTES[1].queue),
  REACTIONS_QUEUE: queueName.default(MESSAGE_ROUTES[2].queue),
  FOLLOWS_QUEUE: queueName.default(MESSAGE_ROUTES[3].queue),
  /** An installation need not have one; the local stack does. */
  ACCESS_LOG_QUEUE: queueName.optional(),
  GATEWAY_URL: z.url({ protocol: /^https?$/u, error: 'must be an http or https URL' }).optional(),
  GATEWAY_TOKEN: z.string().optional(),
  GATEWAY_TOKEN_FILE: z.string().optional(),
  /** Where the local stack keeps its files, from the project's folder. */
  LOCAL_DIRECTORY: z.string().default('.local'),
});

/** What a running local stack writes of itself, as far as it matters here. */
const endpointsSchema = z.object({
  temporal: z.string(),
  namespace: z.string(),
  aws: z.url(),
  gateway: z
    .object({
      url: z.url(),
      jwtSecret: z.string(),
      issuer: z.string().optional(),
      audience: z.string().optional(),
    })
    .optional(),
});

type LocalGateway = NonNullable<z.output<typeof endpointsSchema>['gateway']>;

/** A queue by its name or the topic that feeds it; its dead-letter queue follows from its name. */
export interface NamedQueue {
  readonly topic?: string;
  readonly queue: string;
}

/** How the gateway of stream sessions is asked. */
export interface GatewayOfCli {
  readonly url: string;
  /** Asked for each call. */
  readonly token?: () => Promise<string>;
}

export interface CliConfig {
  readonly temporal: ClientConnectConfig & { readonly namespace: string };
  readonly sqs: {
    readonly region: string;
    readonly endpoint?: string;
    /** Left out: the AWS SDK's own chain. */
    readonly credentials?: AwsCredentials;
  };
  readonly queues: readonly NamedQueue[];
  /** Left out when none is named; without a token when that is not. */
  readonly gateway?: GatewayOfCli;
  /** File of the local stack that is used, as no installation was named. */
  readonly localStack?: string;
}

/**
 * The connections of the CLI, from the variables the worker takes. The local stack is all or nothing: never Temporal from
 * here and queues from there.
 *
 * @throws UsageError naming every variable at fault
 */
export function loadCliConfig(variables: Environment = process.env): CliConfig {
  const given = new Map(
    Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ''),
  );
  const withSecrets = readSecretFiles(given, ['TEMPORAL_API_KEY', ...AWS_SECRETS]);
  const aws = readAwsCredentials(withSecrets);
  const [unreadable] = [...withSecrets.faults, ...aws.faults];
  if (unreadable) throw new UsageError(unreadable.message);
  const set = Object.fromEntries(withSecrets.variables);
  const parsed = environmentSchema.safeParse(set);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path: [name], message }) => `${String(name)}: ${message}`);
    throw new UsageError(`The environment is not usable:\n${faults.join('\n')}`);
  }
  const environment = parsed.data;
  const local = INSTALLATION_VARIABLES.some((name) => set[name] !== undefined) ? undefined : localStack(environment);
  if (local) return { ...local, queues: queuesOf({ ACCESS_LOG_QUEUE, ...environment }) };

  const temporal = loadTemporal(set);
  const endpoint = environment.AWS_ENDPOINT_URL_SQS ?? environment.AWS_ENDPOINT_URL;
  const gateway = gatewayOf(environment);
  if (gateway) requireSecure('GATEWAY_URL', gateway.url, environment.PLAINTEXT_HOSTS);
  if (endpoint !== undefined) requireSecure('AWS_ENDPOINT_URL', endpoint, environment.PLAINTEXT_HOSTS);
  const { address = 'localhost:7233', tls, apiKey } = temporal.connectionOptions;
  if ((tls === undefined || tls === null || tls === false) && apiKey === undefined) {
    requireSecure('TEMPORAL_ADDRESS', `http://${address}`, environment.PLAINTEXT_HOSTS);
  }
  return {
    temporal: { ...temporal, namespace: temporal.namespace ?? 'default' },
    sqs: {
      region: environment.AWS_REGION,
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(aws.credentials ? { credentials: aws.credentials } : {}),
    },
    queues: queuesOf(environment),
    ...(gateway ? { gateway } : {}),
  };
}

/** @throws UsageError when the token is named twice, or its file cannot be read */
function gatewayOf(environment: z.output<typeof environmentSchema>): GatewayOfCli | undefined {
  const { GATEWAY_URL: url, GATEWAY_TOKEN: token, GATEWAY_TOKEN_FILE: file } = environment;
  if (url === undefined) return undefined;
  if (token !== undefined && file !== undefined)
    throw new UsageError('GATEWAY_TOKEN and GATEWAY_TOKEN_FILE exclude each other: set one of them');
  const given = file === undefined ? token : readText('GATEWAY_TOKEN_FILE', file).trim();
  return { url, ...(given === undefined ? {} : { token: async () => given }) };
}

function readText(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new UsageError(`${name} must be a file that can be read: ${whyUnreadable(file, cause)}`, { cause });
  }
}

function loadTemporal(overrideEnvVars: Record<string, string>): ClientConnectConfig {
  try {
    return loadClientConnectConfig({ overrideEnvVars });
  } catch (cause) {
    // Quotes the line of the profile that is at fault.
    const reason = redactText(explainError(cause));
    throw new UsageError(`TEMPORAL_* variables or the profile they name cannot be used: ${reason}`, { cause });
  }
}

/** @throws UsageError when one queue is named twice: its dead letters would be shown and redriven as those of two */
function queuesOf(environment: z.output<typeof environmentSchema>): readonly NamedQueue[] {
  const [activities, mentions, reactions, follows] = MESSAGE_ROUTES;
  const queues = [
    { topic: activities.topic, queue: environment.ACTIVITIES_QUEUE },
    { topic: mentions.topic, queue: environment.MENTIONS_QUEUE },
    { topic: reactions.topic, queue: environment.REACTIONS_QUEUE },
    { topic: follows.topic, queue: environment.FOLLOWS_QUEUE },
    ...(environment.ACCESS_LOG_QUEUE === undefined ? [] : [{ queue: environment.ACCESS_LOG_QUEUE }]),
  ];
  const names = queues.map(({ queue }) => queue);
  const twice = names.find((queue, index) => names.indexOf(queue) < index);
  if (twice !== undefined)
    throw new UsageError(`two of the settings *_QUEUE name ${twice}: each kind has its own queue`);
  return queues;
}

/** The stack started by `npm start`, which removes its file when it stops. */
function localStack({ LOCAL_DIRECTORY, AWS_REGION }: z.output<typeof environmentSchema>) {
  // A build stands one folder deeper, in dist/.
  const project = path.resolve(import.meta.dirname, import.meta.url.endsWith('.js') ? '../..' : '..');
  const file = path.resolve(project, LOCAL_DIRECTORY, 'endpoints.json');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  const endpoints = endpointsSchema.safeParse(parseJson(text));
  if (!endpoints.success)
    throw new UsageError(`${file} is not the file of a local stack; remove it, or set TEMPORAL_ADDRESS`);
  const { temporal, namespace, aws, gateway } = endpoints.data;
  return {
    temporal: { connectionOptions: { address: temporal }, namespace },
    sqs: {
      region: AWS_REGION,
      endpoint: aws,
      // The local SQS takes any; the SDK refuses to send without.
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    },
    localStack: file,
    ...(gateway ? { gateway: { url: gateway.url, token: () => operatorToken(gateway) } } : {}),
  };
}

/** The secret of the local stack stands in its file; a real one is no operator's. */
async function operatorToken({ jwtSecret, issuer, audience }: LocalGateway): Promise<string> {
  const token = new SignJWT({ scope: 'blacklist' })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject('cli')
    .setIssuedAt()
    .setExpirationTime('5m');
  if (issuer !== undefined) token.setIssuer(issuer);
  if (audience !== undefined) token.setAudience(audience);
  return await token.sign(new TextEncoder().encode(jwtSecret));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** As the worker demands it: TLS, unless to this machine or to a host the operator listed. */
function requireSecure(name: string, url: string, plaintextHosts: readonly string[]): void {
  try {
    requireSecureEndpoint(name, url, plaintextHosts);
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
