import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { DependencyState } from '../contracts/shared/dependency.ts';
import type { ProcessState } from './admin-messages.ts';
import type { WorkerConfig } from './config.ts';

const packageFile = new URL(
  import.meta.url.endsWith('.js') ? '../../package.json' : '../package.json',
  import.meta.url,
);
const SECRET_NAME = /SECRET|KEY|TOKEN|PASSW|CREDENTIAL/;
/** Names of files are no secrets, whatever stands in them. */
const FILE_NAME = /_(FILE|PATH|DIRECTORY)$/;

export interface DiagnosticsOptions {
  readonly config: WorkerConfig;
  readonly startedAt: Date;
  readonly state: ProcessState;
  readonly dependencies: readonly DependencyState[];
  /** Lines of the log, without secrets. */
  readonly recentFailures: readonly unknown[];
}

/** What `GET /diagnostics` shows: enough to tell what a process is, what it was told, and what went wrong lately. */
export function diagnostics({ config, startedAt, state, dependencies, recentFailures }: DiagnosticsOptions): object {
  const { WORKER_DEPLOYMENT_NAME: deployment, WORKER_BUILD_ID: buildId } = config.environment;
  return {
    version: version(),
    node: process.version,
    pid: process.pid,
    startedAt: startedAt.toISOString(),
    roles: [...config.roles],
    ...(deployment !== undefined && { deployment: { name: deployment, buildId } }),
    blocked: state.blocked,
    readiness: state.roles,
    dependencies,
    recentFailures,
    configuration: configurationOf(config),
  };
}

function version(): string {
  return z.object({ version: z.string() }).parse(JSON.parse(readFileSync(packageFile, 'utf8'))).version;
}

/** Each setting as it holds, defaults included; of a secret only whether there is one. */
function configurationOf({ environment, given, temporal }: WorkerConfig): Readonly<Record<string, unknown>> {
  const { address = 'localhost:7233', tls, apiKey } = temporal.connectionOptions;
  const settings = Object.entries(environment).map(([name, value]) => [name, shown(name, given.get(name), value)]);
  const files = [...given].filter(([name]) => name.endsWith('_FILE') && !(name in environment));
  return {
    ...Object.fromEntries(settings),
    ...Object.fromEntries(files),
    TEMPORAL_ADDRESS: address,
    TEMPORAL_NAMESPACE: temporal.namespace,
    TEMPORAL_TLS: tls !== undefined && tls !== null && tls !== false,
    TEMPORAL_API_KEY: apiKey === undefined ? 'not set' : 'set',
  };
}

/** @param given the variable as it was set; what was made of it may be the content of a file */
function shown(name: string, given: string | undefined, value: unknown): unknown {
  if (FILE_NAME.test(name)) return given ?? 'not set';
  if (SECRET_NAME.test(name)) return value === undefined ? 'not set' : 'set';
  if (typeof value === 'string' && value.includes('://')) return withoutCredentials(value);
  if (['string', 'number', 'boolean'].includes(typeof value)) return value;
  if (value === undefined) return 'not set';
  return given ?? 'default';
}

/** By its form, as URLs with several hosts are none to the URL standard. */
function withoutCredentials(url: string): string {
  return url.replace(/\?.*$/s, '').replace(/:\/\/.*@/s, '://');
}
