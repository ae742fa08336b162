import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import { createSessionsClient } from '../client/sessions.ts';
import type { SessionPolicy } from '../contracts/sessions/session-limits.ts';
import type { Dependency } from '../contracts/shared/dependency.ts';
import type { EndedStream } from '../contracts/sessions/session-stream.ts';
import { userIdOfSessions, type StreamRef } from '../contracts/sessions/stream-sessions.ts';
import { splitHostAndPort } from '../contracts/shared/settings-fields.ts';
import type { AccessLog } from '../access-log/access-log.ts';
import { previewAdmission, type AdmissionAnswer, type AdmissionRequest } from './admission.ts';
import { createTokenVerifier } from './auth/token-verifier.ts';
import { createAbuseWatch } from './blacklist/abuse-watch.ts';
import type { GatewaySettings } from './config.ts';
import { keysDependency, redisDependency, temporalDependency } from './dependencies.ts';
import { Forwarders } from './forwarders.ts';
import { Guard } from './guard.ts';
import { createLeaseSigner } from './leases/lease-signer.ts';
import { createGatewayMetrics } from './metrics.ts';
import { openPolicy } from './policy-source.ts';
import { createGatewayServer } from './server.ts';
import type { RequestLimits } from './server-limits.ts';
import { openGatewayStores, type GatewayStores } from './stores.ts';
import { EndedAccounts } from './watch/ended-accounts.ts';
import { LoneCheck } from './watch/lone-check.ts';
import { OtherGateways } from './watch/other-gateways.ts';
import { recoverStreams } from './watch/recovery.ts';
import { StreamAddresses } from './watch/stream-addresses.ts';
import { StreamWatch } from './watch/stream-watch.ts';
import { Sweeper } from './watch/sweeper.ts';

/** They wait for their turns among all calls on accounts; those that do not answer must not take all of them. */
const RECOVERY_READS_AT_ONCE = 500;

export interface GatewayOptions {
  readonly settings: GatewaySettings;
  /** On a `Connection`, whose calls end with their deadlines; those of a `NativeConnection` go on behind them. */
  readonly client: Client;
  readonly logger: Logger;
  readonly accessLog?: AccessLog | undefined;
  /** Watched by the process that the gateway is a part of; default: the gateway watches it by the client. */
  readonly temporal?: Dependency;
}

/** A gateway that watches streams; `listen` opens it to requests. */
export interface Gateway {
  /** @returns the URL it answers on */
  listen(): Promise<string>;
  /** Parts that keep it from its work. Temporal is none: beats are answered without it. */
  unready(): readonly string[];
  /** Parts that are away and done without. */
  degraded(): readonly string[];
  /** What it needs to begin, beside Temporal where that is watched by others: Redis and the key server. */
  readonly dependencies: readonly Dependency[];
  /** Prometheus text of the gateway. */
  metrics(): Promise<string>;
  /** What would become of a request, for a proxy in front. Never throws. */
  admission(request: AdmissionRequest): Promise<AdmissionAnswer>;
  /** For the activity `streamsEnded` of the account with this workflow id. @throws StoreUnavailableError */
  streamsEnded(workflowId: string, ends: readonly EndedStream[]): Promise<void>;
  /** For the activity of that name. @throws StoreUnavailableError */
  unknownStreams(streams: readonly StreamRef[]): Promise<readonly StreamRef[]>;
  /** Moves callers elsewhere, answers what is under way, then lets go of everything. */
  close(): Promise<void>;
}

/** @throws InvalidSessionPolicyError, BlacklistFileError, TypeError or Error on settings that cannot be used */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { settings, client, logger, accessLog } = options;
  const policySource = await openPolicy(settings.SESSIONS_POLICY_FILE, logger);
  const policy = (): SessionPolicy => policySource.current();
  const others = new OtherGateways({ client, logger, instance: settings.GATEWAY_INSTANCE, policy });
  const stores: GatewayStores = await openGatewayStores({
    settings,
    policy: policy(),
    logger,
    leftToThis: (streams) => others.leftToThis(streams),
    onDegraded: (part) => metrics.degraded(part),
  });
  const { redis, beats, blacklist } = stores;
  const metrics = createGatewayMetrics({
    watched: () => beats.size(),
    blocks: () => blacklist.size,
    policyVersion: () => policy().version,
    policyIsValid: () => policySource.fault() === undefined,
    degraded: () => degraded(),
    unreadAccounts: () => beats.unread(),
    unresponsiveAccounts: () => watch.unresponsive,
    accessLog: accessLog && (() => ({ ...accessLog.counts() })),
  });
  const sessions = createSessionsClient({
    client,
    policy,
    timeoutMs: settings.GATEWAY_CALL_TIMEOUT_MS,
  });
  const watch = new StreamWatch({
    sessions,
    store: beats,
    policy,
    patienceMs: settings.GATEWAY_CALL_TIMEOUT_MS,
    blockOf: (subjects) => blacklist.find(subjects),
    logger,
    onDegraded: () => {
      metrics.degraded('beats');
      sweeper.storeFailed();
    },
    onUnconfirmed: () => metrics.unconfirmedBeat(),
  });
  const addresses = new StreamAddresses({ redis, onShared: () => metrics.sharedStream() });
  const sweeper = new Sweeper({
    store: beats,
    logger,
    report: (stream) => watch.reportSilent(stream),
    read: (userId) => watch.accounts.list(userId),
    async recover(signal) {
      const { users: adopted, stop } = watch.accounts.journal();
      const bounds = { sessions: watch.accounts, readsAtOnce: RECOVERY_READS_AT_ONCE };
      try {
        return await recoverStreams({ client, store: beats, policy, adopted, ...bounds }, signal);
      } finally {
        stop();
      }
    },
    onLost: () => metrics.lostPlayer(),
  });
  const issuerKeys = watchIssuerKeys(logger);
  const temporal = options.temporal ?? temporalDependency(client, logger);
  const dependencies = [
    ...(options.temporal ? [] : [temporal]),
    ...(redis ? [redisDependency(redis, logger)] : []),
    ...(settings.JWT_JWKS_URL === undefined ? [] : [keysDependency(new URL(settings.JWT_JWKS_URL), logger)]),
  ];
  const endedAccounts = new EndedAccounts({ client, store: beats, logger });
  const loneCheck = redis ? undefined : new LoneCheck({ client, logger, identity: settings.GATEWAY_INSTANCE });
  const guard = new Guard({
    tokens: createTokenVerifier({ ...tokenOptions(settings, stores), remote: issuerKeys }),
    blacklist,
    abuse: createAbuseWatch(abuseOptions(settings, stores, logger)),
    addressLimiter: stores.addressLimiter,
    forwarderLimiter: stores.forwarderLimiter,
    userLimiter: stores.userLimiter,
    serviceLimiter: stores.serviceLimiter,
    trustedProxies: settings.GATEWAY_TRUSTED_PROXIES,
    forwarders: new Forwarders(logger),
  });
  const degraded = (): readonly string[] => [
    ...(temporal.available ? [] : ['temporal']),
    ...(redis && (redis.breaker.open || redis.status !== 'ready') ? ['redis'] : []),
    ...(blacklist.loaded ? [] : ['blacklist']),
    ...(issuerKeys.away() ? ['keys'] : []),
    ...(sweeper.recovered() ? [] : ['recovery']),
    ...(policySource.fault() === undefined ? [] : ['policy']),
    ...(loneCheck?.alone() === false ? ['another gateway without a common store'] : []),
  ];
  let draining = false;
  const unready = (): readonly string[] => (draining ? ['draining'] : []);
  const app = await createGatewayServer({
    watch,
    addresses,
    sessions,
    policy,
    guard,
    blacklist,
    metrics,
    logger,
    accessLog,
    unready,
    draining: () => draining,
    leases: createLeaseSigner(leaseOptions(settings)),
    instance: settings.GATEWAY_INSTANCE,
    degraded,
    tls: tlsOf(settings),
    limits: limitsOf(settings),
    corsOrigins: settings.GATEWAY_CORS_ORIGINS,
  });
  return {
    listen: () => app.listen(splitHostAndPort(settings.GATEWAY_ADDRESS)),
    unready,
    degraded,
    dependencies,
    metrics: () => metrics.registry.metrics(),
    admission: (request) => previewAdmission(guard, metrics, request, settings.GATEWAY_CORS_ORIGINS),
    async streamsEnded(workflowId, ends) {
      const userId = userIdOfSessions(workflowId);
      if (userId !== undefined) await watch.streamsEnded(userId, ends);
    },
    unknownStreams: (streams) => watch.unknownStreams(streams),
    async close() {
      draining = true;
      await sleep(settings.GATEWAY_DRAIN_MS);
      await app.close();
      const swept = sweeper.stop();
      await endedAccounts.close();
      await watch.close();
      await swept;
      for (const dependency of dependencies) await dependency.close();
      loneCheck?.close();
      policySource.close();
      await stores.close();
    },
  };
}

function tokenOptions(settings: GatewaySettings, { oneTimeTokens }: GatewayStores) {
  const {
    JWT_SECRET,
    JWT_SECRET_PREVIOUS,
    JWT_JWKS_URL: jwksUrl,
    JWT_MAX_LIFETIME_SECONDS: maxLifetimeSeconds,
  } = settings;
  const { JWT_ISSUER: issuer, JWT_AUDIENCE: audience } = settings;
  const scopeClaims = settings.JWT_SCOPE_CLAIMS;
  return {
    oneTimeTokens,
    maxLifetimeSeconds,
    scopeClaims,
    clockToleranceSeconds: settings.JWT_CLOCK_TOLERANCE_SECONDS,
    secret: [JWT_SECRET, JWT_SECRET_PREVIOUS].filter((secret) => secret !== undefined),
    ...(jwksUrl === undefined ? {} : { jwksUrl: new URL(jwksUrl) }),
    ...(issuer.length === 0 ? {} : { issuer }),
    ...(audience.length === 0 ? {} : { audience }),
  };
}

/** Says once when the issuer's keys cannot be had any more, or can again, and which of them are ignored. */
function watchIssuerKeys(logger: Logger) {
  let failure: Error | undefined;
  return {
    away: () => failure !== undefined,
    onChange(now: Error | undefined) {
      failure = now;
      if (now)
        logger.warn({ error: now.message }, 'the keys of the issuer cannot be had; those that are known serve on');
      else logger.info('the keys of the issuer can be had again');
    },
    onIgnored: (keys: readonly string[]) => logger.warn({ keys }, 'keys of the issuer are ignored'),
  };
}

function abuseOptions(settings: GatewaySettings, { blacklist, redis }: GatewayStores, logger: Logger) {
  return {
    blacklist,
    redis,
    logger,
    policy: {
      strikes: settings.ABUSE_STRIKES,
      windowMs: settings.ABUSE_WINDOW_MS,
      blockMs: settings.ABUSE_BLOCK_MS,
      maxBlockMs: settings.ABUSE_MAX_BLOCK_MS,
    },
    neverBlock: settings.ABUSE_NEVER_BLOCK,
  };
}

function leaseOptions({ LEASE_PRIVATE_KEY_FILE: privateKey, ...settings }: GatewaySettings) {
  return {
    issuer: settings.LEASE_ISSUER,
    audience: settings.LEASE_AUDIENCE,
    ...(privateKey === undefined ? {} : { privateKey }),
    otherPublicKeys: settings.LEASE_OTHER_PUBLIC_KEYS_FILE,
  };
}

function limitsOf(settings: GatewaySettings): RequestLimits {
  return {
    bodyBytes: settings.GATEWAY_BODY_BYTES,
    headerBytes: settings.GATEWAY_HEADER_BYTES,
    headersTimeoutMs: settings.GATEWAY_HEADERS_TIMEOUT_MS,
    requestTimeoutMs: settings.GATEWAY_REQUEST_TIMEOUT_MS,
    keepAliveMs: settings.GATEWAY_KEEP_ALIVE_MS,
    connections: settings.GATEWAY_MAX_CONNECTIONS,
  };
}

function tlsOf({ GATEWAY_TLS_KEY_FILE: key, GATEWAY_TLS_CERT_FILE: cert }: GatewaySettings) {
  return key === undefined || cert === undefined ? undefined : { key, cert };
}
