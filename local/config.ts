import path from 'node:path';
import { z } from 'zod';

/** The package's own folder, wherever it is started from. */
export const PROJECT_DIRECTORY = path.dirname(import.meta.dirname);

type Environment = Readonly<Record<string, string | undefined>>;

const portField = z
  .string()
  .regex(/^\d{1,5}$/, 'must be a port number, 0 to 65535 (0: any free one)')
  .transform(Number)
  .refine((port) => port <= 65_535, 'must be a port number, 0 to 65535 (0: any free one)');

const environmentSchema = z.object({
  /** `host:port` of a Temporal server to use; none is started then. */
  TEMPORAL_ADDRESS: z
    .string()
    .regex(/^[^\s/]+:\d+$/, 'must be <host>:<port>')
    .optional(),
  TEMPORAL_NAMESPACE: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'must be the name of a namespace')
    .default('default'),
  TEMPORAL_PORT: portField.default(7233),
  TEMPORAL_UI_PORT: portField.default(8233),
  AWS_PORT: portField.default(4566),
  STREAM_PORT: portField.default(8800),
  METRICS_PORT: portField.default(9464),
  HEALTH_PORT: portField.default(9465),
  GATEWAY_PORT: portField.default(3000),
  GATEWAY_METRICS_PORT: portField.default(9466),
  GATEWAY_HEALTH_PORT: portField.default(9467),
  /** Folder that keeps the stack's data and logs, from the package's own folder; default `.local`. */
  LOCAL_DIRECTORY: z
    .string()
    .default('.local')
    .transform((directory) => path.resolve(PROJECT_DIRECTORY, directory)),
  /** Whether the local queues reorder and duplicate, as real standard queues do now and then. */
  SQS_DISORDER: z.enum(['on', 'off']).default('on'),
  /** Seed of the disorder and of the demo. */
  DEMO_SEED: z
    .string()
    .regex(/^\d{1,9}$/, 'must be a whole number of at most nine digits')
    .transform(Number)
    .default(1),
  /** How many things the users of the demo do. */
  DEMO_ACTIONS: z
    .string()
    .regex(/^\d{1,5}$/, 'must be a whole number, 10 to 99999')
    .transform(Number)
    .refine((actions) => actions >= 10, 'must be a whole number, 10 to 99999')
    .default(120),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace']).default('info'),
});

const PORTS = [
  'TEMPORAL_PORT',
  'TEMPORAL_UI_PORT',
  'AWS_PORT',
  'STREAM_PORT',
  'METRICS_PORT',
  'HEALTH_PORT',
  'GATEWAY_PORT',
  'GATEWAY_METRICS_PORT',
  'GATEWAY_HEALTH_PORT',
] as const;

/** A setting that cannot be used. The message names every such variable and what it may hold. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export type LocalConfig = z.output<typeof environmentSchema>;

/**
 * Reads the settings of `npm start`. An empty variable counts as not set.
 * @throws ConfigError
 */
export function readLocalConfig(environment: Environment = process.env): LocalConfig {
  const config = parse(environmentSchema, environment);
  const owners = new Map<number, string>();
  for (const variable of PORTS) {
    const port = config[variable];
    const other = owners.get(port);
    if (port !== 0 && other !== undefined) throw new ConfigError(`${other} and ${variable} are both ${port}`);
    owners.set(port, variable);
  }
  return config;
}

const topologySchema = z.object({
  /** Left out: AWS itself. */
  AWS_ENDPOINT_URL: z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).optional(),
  AWS_REGION: z.string().default('us-east-1'),
});

/** Where `create-topology.ts` creates the queues and topics. @throws ConfigError */
export function readTopologyConfig(environment: Environment = process.env): z.output<typeof topologySchema> {
  return parse(topologySchema, environment);
}

const awsSchema = z.object({
  AWS_PORT: portField.default(4566),
  /** Address to listen on. */
  AWS_HOST: z.string().default('127.0.0.1'),
  /** Folder that keeps queues, topics, messages and objects; in memory when left out. */
  AWS_DATA_DIRECTORY: z.string().optional(),
});

/** Where `aws-server.ts` listens. @throws ConfigError */
export function readAwsConfig(environment: Environment = process.env): z.output<typeof awsSchema> {
  return parse(awsSchema, environment);
}

/** The environment as it is, for programs this one starts. */
export function inheritedEnvironment(environment: Environment = process.env): Record<string, string> {
  const entries = Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(entries);
}

/** Where fetched and built binaries are kept: `social-graph-worker` in the user's cache folder. */
export function cacheDirectory(environment: Environment = process.env): string {
  const home = environment['HOME'] ?? environment['USERPROFILE'] ?? PROJECT_DIRECTORY;
  return path.join(environment['XDG_CACHE_HOME'] || path.join(home, '.cache'), 'social-graph-worker');
}

function parse<Schema extends z.ZodType>(schema: Schema, environment: Environment): z.output<Schema> {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path: [variable = ''], message }) => `${String(variable)}: ${message}`);
  throw new ConfigError(faults.join('\n'));
}
