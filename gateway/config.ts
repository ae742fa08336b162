import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { z } from 'zod';
import { commaList, hostAndPort, milliseconds, positiveInt } from '../contracts/settings-fields.ts';
import { addressSet } from './ip-address.ts';

const list = commaList.default([]);
const file = z.string().transform((name, context) => {
  try {
    return readFileSync(name, 'utf8');
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
    return z.NEVER;
  }
});
const addresses = list.transform((entries, context) => {
  try {
    return addressSet(entries);
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
    return z.NEVER;
  }
});

const PUBLIC_KEY = /-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g;

function areNetworks(entries: readonly string[]): boolean {
  try {
    addressSet(entries);
    return true;
  } catch {
    return false;
  }
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
  GATEWAY_TRUSTED_PROXIES: addresses,
  GATEWAY_MAX_CONNECTIONS: positiveInt.default(20_000),
  GATEWAY_BODY_BYTES: positiveInt.default(16_384),
  GATEWAY_HEADER_BYTES: positiveInt.default(16_384),
  GATEWAY_HEADERS_TIMEOUT_MS: milliseconds.default(5_000),
  GATEWAY_REQUEST_TIMEOUT_MS: milliseconds.default(10_000),
  GATEWAY_KEEP_ALIVE_MS: milliseconds.default(72_000),
  GATEWAY_CALL_TIMEOUT_MS: milliseconds.default(8_000),
  GATEWAY_DRAIN_MS: z.coerce.number().int().min(0).default(3_000),
  GATEWAY_REDIS_URL: z.url({ protocol: /^rediss?$/ }).optional(),
  GATEWAY_REPLICAS: positiveInt.default(1),
  SESSIONS_POLICY_FILE: z.string().optional(),

  JWT_SECRET: z
    .string()
    .refine((secret) => Buffer.byteLength(secret) >= 32, 'must have at least 32 bytes')
    .optional(),
  JWT_JWKS_URL: z.url({ protocol: /^https?$/ }).optional(),
  JWT_ISSUER: list,
  JWT_AUDIENCE: list,
  JWT_CLOCK_TOLERANCE_SECONDS: z.coerce.number().int().min(0).default(5),
  JWT_MAX_LIFETIME_SECONDS: positiveInt.default(31_622_400),

  LEASE_PRIVATE_KEY_FILE: file.optional(),
  LEASE_OTHER_PUBLIC_KEYS_FILE: file.optional().transform(publicKeysIn),
  LEASE_ISSUER: z.string().default('stream-sessions'),
  LEASE_AUDIENCE: z.string().default('playback'),

  LIMIT_ADDRESS_PER_MINUTE: positiveInt.default(6_000),
  LIMIT_ADDRESS_BURST: positiveInt.default(2_000),
  LIMIT_USER_PER_MINUTE: positiveInt.default(600),
  LIMIT_USER_BURST: positiveInt.default(300),

  BLACKLIST_FILE: z.string().optional(),
  ABUSE_STRIKES: positiveInt.default(100),
  ABUSE_WINDOW_MS: milliseconds.default(60_000),
  ABUSE_BLOCK_MS: milliseconds.default(300_000),
  ABUSE_MAX_BLOCK_MS: milliseconds.default(86_400_000),
  ABUSE_NEVER_BLOCK: list.refine(areNetworks, 'must be addresses or networks, separated by commas'),
};

const settingsSchema = z.object(gatewaySettings);
export type GatewaySettings = z.output<typeof settingsSchema>;

/**
 * What single settings cannot tell.
 *
 * @throws Error that names the variable at fault and says what it must be
 */
export function requireGatewayCoherence(settings: GatewaySettings): void {
  if (settings.JWT_SECRET === undefined && settings.JWT_JWKS_URL === undefined) {
    throw new Error('JWT_SECRET or JWT_JWKS_URL must be set: the role "gateway" answers nobody without a token.');
  }
  if ((settings.GATEWAY_TLS_KEY_FILE === undefined) !== (settings.GATEWAY_TLS_CERT_FILE === undefined)) {
    throw new Error('GATEWAY_TLS_KEY_FILE and GATEWAY_TLS_CERT_FILE go together: set both or none.');
  }
  if (settings.GATEWAY_REPLICAS > 1 && settings.GATEWAY_REDIS_URL === undefined) {
    throw new Error(
      'GATEWAY_REDIS_URL must be set for more than one gateway: without it each one would end streams that beat at another.',
    );
  }
  if (settings.GATEWAY_REDIS_URL !== undefined && settings.LEASE_PRIVATE_KEY_FILE === undefined) {
    throw new Error(
      'LEASE_PRIVATE_KEY_FILE must be set with GATEWAY_REDIS_URL: gateways that share a store must sign leases with one key.',
    );
  }
}
