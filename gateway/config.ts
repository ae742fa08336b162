import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { z } from 'zod';
import {
  commaList,
  hostAndPort,
  urlField,
  wholeNumber,
  type SettingsFault,
} from '../contracts/shared/settings-fields.ts';
import { requireUsableTls } from '../contracts/shared/endpoint-security.ts';
import { whyUnreadable } from '../contracts/shared/secret-files.ts';
import { explainError } from '../contracts/shared/text.ts';
import { trustedProxies } from './client-address.ts';
import { addressSet } from './ip-address.ts';
import { parseRedisUrl } from './redis/redis-url.ts';

/** Of a limit that is measured in milliseconds, see `limits/gcra.ts`. */
export const MOST_PER_MINUTE = 6_000_000;

const list = commaList.default([]);
const filePath = z.string().superRefine((name, context) => {
  try {
    readFileSync(name);
  } catch (error) {
    context.addIssue({ code: 'custom', message: `must be a file that can be read: ${whyUnreadable(name, error)}` });
  }
});
const file = filePath.transform((name) => readFileSync(name, 'utf8'));
const proxies = list.transform((entries, context) => {
  try {
    return trustedProxies(entries);
  } catch (error) {
    const reason = explainError(error);
    const message = `must be addresses or networks of proxies, separated by commas, or none: ${reason}`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  }
});

/** Schemes of apps, such as `capacitor://localhost`, have no origin by the rules of URLs, and send theirs all the same. */
const ORIGIN = /^(?:\*|[a-z][a-z0-9+.-]*:\/\/[^/?#@\s]+)$/;
const origins = list.refine(
  (entries) => entries.every((entry) => ORIGIN.test(entry)),
  'must be origins such as https://play.example, separated by commas, or * for all',
);

const secret = z.string().refine((text) => Buffer.byteLength(text) >= 32, 'must have at least 32 bytes');
const redisUrl = z.string().superRefine((url, context) => {
  try {
    parseRedisUrl(url);
  } catch (error) {
    context.addIssue({ code: 'custom', message: explainError(error) });
  }
});

const perMinute = wholeNumber(1, MOST_PER_MINUTE, 'requests, more than one gateway can answer in a minute');
const burst = wholeNumber(1, 100_000_000, 'requests at once');

const UNCHECKED = ['iss', 'aud'] as const;
/** Claims that say for whom a token is, by the setting with their accepted values, and what comes of it without. */
const BOUND_BY = [
  ['iss', 'JWT_ISSUER', 'whoever else has a token signed by the same key'],
  ['aud', 'JWT_AUDIENCE', 'tokens that the issuer made for other services'],
] as const;

const PUBLIC_KEY = /-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g;

function areNetworks(entries: readonly string[]): boolean {
  try {
    addressSet(entries);
    return true;
  } catch {
    return false;
  }
}

/** Whether `read` makes keys of leases of the text. */
function isEd25519(text: string, read: typeof createPublicKey | typeof createPrivateKey): boolean {
  try {
    return read(text).asymmetricKeyType === 'ed25519';
  } catch {
    return false;
  }
}

function arePublicKeys(pem: string): boolean {
  const keys = publicKeysIn(pem);
  return keys.length > 0 && keys.every((key) => isEd25519(key, createPublicKey));
}

/** Of a file with any number of PEM blocks. */
function publicKeysIn(pem: string | undefined): readonly string[] {
  return pem?.match(PUBLIC_KEY) ?? [];
}

/** Settings of the gateway, by the names of their environment variables; `.env.example` explains each. */
export const gatewaySettings = {
  GATEWAY_ADDRESS: hostAndPort.default('127.0.0.1:3000'),
  GATEWAY_INSTANCE: z.string().default(`${hostname()}-${process.pid}`),
  GATEWAY_TLS_KEY_FILE: file.optional(),
  GATEWAY_TLS_CERT_FILE: file.optional(),
  GATEWAY_TRUSTED_PROXIES: proxies,
  GATEWAY_CORS_ORIGINS: origins,
  GATEWAY_MAX_CONNECTIONS: wholeNumber(1, 1_000_000, 'each is an open file').default(20_000),
  GATEWAY_BODY_BYTES: wholeNumber(1_024, 1_048_576, 'bytes; the largest request has some hundreds').default(16_384),
  GATEWAY_HEADER_BYTES: wholeNumber(1_024, 1_048_576, 'bytes, a token among them').default(16_384),
  GATEWAY_HEADERS_TIMEOUT_MS: wholeNumber(100, 600_000, 'milliseconds a slow sender holds a connection').default(5_000),
  GATEWAY_REQUEST_TIMEOUT_MS: wholeNumber(100, 600_000, 'milliseconds a slow sender holds a connection').default(
    10_000,
  ),
  GATEWAY_KEEP_ALIVE_MS: wholeNumber(100, 3_600_000, 'milliseconds an idle connection is kept').default(72_000),
  GATEWAY_CALL_TIMEOUT_MS: wholeNumber(100, 600_000, 'milliseconds a player waits').default(8_000),
  GATEWAY_DRAIN_MS: wholeNumber(0, 600_000, 'milliseconds in which an orchestrator loses patience').default(3_000),
  GATEWAY_REDIS_URL: redisUrl.optional(),
  GATEWAY_REPLICAS: wholeNumber(1, 10_000, 'gateways, which share each rate limit').default(1),
  SESSIONS_POLICY_FILE: filePath.optional(),

  JWT_SECRET: secret.optional(),
  JWT_SECRET_PREVIOUS: secret.optional(),
  JWT_JWKS_URL: urlField(/^https?$/).optional(),
  JWT_ISSUER: list,
  JWT_AUDIENCE: list,
  JWT_UNCHECKED_CLAIMS: commaList
    .pipe(z.array(z.enum(UNCHECKED, { error: 'must name iss, aud or both, separated by commas' })))
    .default([]),
  JWT_SCOPE_CLAIMS: commaList
    .pipe(z.array(z.string()).min(1, 'must name a claim, or no service has a token'))
    .default(['scope', 'scp']),
  JWT_CLOCK_TOLERANCE_SECONDS: wholeNumber(0, 300, 'seconds for which a token outlives its end').default(5),
  JWT_MAX_LIFETIME_SECONDS: wholeNumber(1, 315_360_000, 'seconds, ten years at most').default(7_200),

  LEASE_PRIVATE_KEY_FILE: file
    .refine((pem) => isEd25519(pem, createPrivateKey), 'must be a PEM file (PKCS#8) of an Ed25519 private key')
    .optional(),
  LEASE_OTHER_PUBLIC_KEYS_FILE: file
    .refine(arePublicKeys, 'must be a PEM file (SPKI) of Ed25519 public keys')
    .optional()
    .transform(publicKeysIn),
  LEASE_ISSUER: z.string().default('stream-sessions'),
  LEASE_AUDIENCE: z.string().default('playback'),

  LIMIT_ADDRESS_PER_MINUTE: perMinute.default(6_000),
  LIMIT_ADDRESS_BURST: burst.default(2_000),
  LIMIT_USER_PER_MINUTE: perMinute.default(600),
  LIMIT_USER_BURST: burst.default(300),
  LIMIT_SERVICE_PER_MINUTE: perMinute.default(120_000),
  LIMIT_SERVICE_BURST: burst.default(20_000),

  BLACKLIST_FILE: z.string().optional(),
  ABUSE_STRIKES: wholeNumber(1, 1_000_000, 'refusals, each of which is counted').default(100),
  ABUSE_WINDOW_MS: wholeNumber(100, 86_400_000, 'milliseconds, a day at most').default(60_000),
  ABUSE_BLOCK_MS: wholeNumber(100, 31_536_000_000, 'milliseconds, a year at most').default(300_000),
  ABUSE_MAX_BLOCK_MS: wholeNumber(100, 31_536_000_000, 'milliseconds, a year at most').default(86_400_000),
  ABUSE_NEVER_BLOCK: list.refine(areNetworks, 'must be addresses or networks, separated by commas'),
};

const settingsSchema = z.object(gatewaySettings);
export type GatewaySettings = z.output<typeof settingsSchema>;

/** What single settings cannot tell. */
export function gatewayFaults(settings: GatewaySettings): readonly SettingsFault[] {
  const faults: SettingsFault[] = [];
  const fault = (names: readonly string[], message: string): void => void faults.push({ names, message });
  if (settings.JWT_SECRET === undefined && settings.JWT_JWKS_URL === undefined) {
    fault(
      ['JWT_SECRET', 'JWT_JWKS_URL'],
      'JWT_SECRET or JWT_JWKS_URL must be set: the role "gateway" answers nobody without a token',
    );
  }
  if (settings.JWT_SECRET === undefined && settings.JWT_SECRET_PREVIOUS !== undefined) {
    fault(
      ['JWT_SECRET', 'JWT_SECRET_PREVIOUS'],
      'JWT_SECRET must be set beside JWT_SECRET_PREVIOUS: it is the one in use',
    );
  }
  for (const [claim, name, others] of BOUND_BY) {
    const isWaived = settings.JWT_UNCHECKED_CLAIMS.includes(claim);
    const isSet = settings[name].length > 0;
    if (!isWaived && !isSet)
      fault(
        [name, 'JWT_UNCHECKED_CLAIMS'],
        `${name} must be set, or JWT_UNCHECKED_CLAIMS=${claim} must say that ${others} may come too`,
      );
    if (isWaived && isSet)
      fault(
        [name, 'JWT_UNCHECKED_CLAIMS'],
        `${name} and JWT_UNCHECKED_CLAIMS=${claim} contradict each other: set one of them`,
      );
  }
  if ((settings.GATEWAY_TLS_KEY_FILE === undefined) !== (settings.GATEWAY_TLS_CERT_FILE === undefined)) {
    fault(
      ['GATEWAY_TLS_KEY_FILE', 'GATEWAY_TLS_CERT_FILE'],
      'GATEWAY_TLS_KEY_FILE and GATEWAY_TLS_CERT_FILE go together: set both or none',
    );
  }
  const { GATEWAY_TLS_KEY_FILE: key, GATEWAY_TLS_CERT_FILE: cert } = settings;
  if (key !== undefined && cert !== undefined) {
    try {
      requireUsableTls('GATEWAY_TLS_KEY_FILE and GATEWAY_TLS_CERT_FILE', { key, cert });
    } catch (error) {
      fault(['GATEWAY_TLS_KEY_FILE', 'GATEWAY_TLS_CERT_FILE'], explainError(error));
    }
  }
  if (settings.GATEWAY_REPLICAS > 1 && settings.GATEWAY_REDIS_URL === undefined) {
    fault(
      ['GATEWAY_REDIS_URL', 'GATEWAY_REPLICAS'],
      'GATEWAY_REDIS_URL must be set for more than one gateway: without it each one would end streams that beat at another',
    );
  }
  if (settings.GATEWAY_REDIS_URL !== undefined && settings.LEASE_PRIVATE_KEY_FILE === undefined) {
    fault(
      ['LEASE_PRIVATE_KEY_FILE', 'GATEWAY_REDIS_URL'],
      'LEASE_PRIVATE_KEY_FILE must be set with GATEWAY_REDIS_URL: gateways that share a store must sign leases with one key',
    );
  }
  return faults;
}
