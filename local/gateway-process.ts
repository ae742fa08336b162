import path from 'node:path';
import { ACCESS_LOG_QUEUE } from '../contracts/sessions/access-record.ts';
import type { GatewayAccess } from './endpoints-file.ts';
import { claimPort } from './ports.ts';
import type { ProcessLock } from './process-lock.ts';
import { provideSessionPolicy, type ProvidedPolicy } from './session-policy-file.ts';
import { startProcess, type Services, type StackOptions } from './stack-parts.ts';
import type { SupervisedWorker } from './worker-supervisor.ts';

const HOST = '127.0.0.1';
const ROLES = 'sessions,gateway,access-log';
/** Known to everybody: the gateway listens on the loopback address alone. */
const JWT_SECRET = 'local-secret-of-stream-sessions-that-everybody-knows';
/** Soon enough for whoever looks into the bucket after a try. */
const OBJECT_AGE_MS = 10_000;
/** In the state directory. */
export const POLICY_FILE = 'sessions-policy.json';

export interface LocalGateway {
  readonly process: SupervisedWorker;
  readonly access: GatewayAccess;
  /** Left out where the gateway has its own. */
  readonly policy?: ProvidedPolicy;
}

/** The process of stream sessions: accounts, HTTP gateway and the writer of its access log. @throws PortInUseError */
export async function startGateway(
  options: StackOptions,
  services: Services,
  lock: ProcessLock | undefined,
): Promise<LocalGateway> {
  const { ports = {} } = options;
  const port = await claimPort(ports.gateway, 'GATEWAY_PORT');
  const policy = await policyInState(options);
  const process = await startProcess(options, services, lock, {
    name: 'gateway',
    roles: ROLES,
    env: { ...settingsOf(port), ...settingsInState(options) },
    metricsPort: await claimPort(ports.gatewayMetrics, 'GATEWAY_METRICS_PORT'),
    healthPort: await claimPort(ports.gatewayHealth, 'GATEWAY_HEALTH_PORT'),
  });
  return { process, access: { url: `http://${HOST}:${port}`, jwtSecret: JWT_SECRET }, ...(policy && { policy }) };
}

function settingsOf(port: number): Record<string, string> {
  return {
    GATEWAY_ADDRESS: `${HOST}:${port}`,
    JWT_SECRET,
    // Whoever knows the secret may make a token with sub and exp alone, good for a day as the one that is printed.
    JWT_UNCHECKED_CLAIMS: 'iss,aud',
    JWT_MAX_LIFETIME_SECONDS: '86400',
    // Whoever tries out wrong tokens here must not lock the whole machine out.
    ABUSE_NEVER_BLOCK: '127.0.0.0/8,::1/128',
    ACCESS_LOG_QUEUE,
    ACCESS_LOG_MAX_AGE_MS: String(OBJECT_AGE_MS),
    // Nobody routes requests elsewhere meanwhile.
    GATEWAY_DRAIN_MS: '0',
  };
}

function settingsInState({ stateDirectory, sessionPolicy }: StackOptions): Record<string, string> {
  if (stateDirectory === undefined) return {};
  return {
    ACCESS_LOG_SPOOL_DIRECTORY: path.join(stateDirectory, 'access-log-spool'),
    ...(sessionPolicy && { SESSIONS_POLICY_FILE: path.join(stateDirectory, POLICY_FILE) }),
  };
}

async function policyInState({
  stateDirectory,
  sessionPolicy,
  onEvent,
}: StackOptions): Promise<ProvidedPolicy | undefined> {
  if (stateDirectory === undefined || sessionPolicy === undefined) return undefined;
  const file = path.join(stateDirectory, POLICY_FILE);
  const provided = await provideSessionPolicy(file, sessionPolicy);
  if (provided.isChanged) onEvent?.(`${file} was changed and stays as it is, version ${provided.policy.version}`);
  return provided;
}
