import type { GatewayApp } from '../app.ts';
import type { LeaseSigner } from '../leases/lease-signer.ts';

export interface OperationRoutesOptions {
  readonly leases: LeaseSigner;
  /** Names of parts that keep the gateway from its work; empty when it does it. */
  readonly unready: () => readonly string[];
  /** Names of parts that are away and done without. */
  readonly degraded: () => readonly string[];
}

/**
 * What a load balancer asks, in single words, and the public keys of leases. All else for those who run the gateway is on the admin
 * listener.
 */
export function registerOperationRoutes(app: GatewayApp, options: OperationRoutesOptions): void {
  const { leases, unready, degraded } = options;
  const config = { access: 'probe' } as const;
  const schema = { hide: true } as const;

  app.get('/healthz', { config, schema }, () => ({ live: true }));

  app.get('/readyz', { config, schema }, async (_request, reply) => {
    const parts = unready();
    return await reply
      .code(parts.length === 0 ? 200 : 503)
      .send({ ready: parts.length === 0, unready: parts, degraded: degraded() });
  });

  app.get(
    '/.well-known/jwks.json',
    { config: { access: 'open' }, schema: { tags: ['leases'], summary: 'Public keys of leases' } },
    async (_request, reply) => await reply.header('cache-control', 'public, max-age=300').send(leases.jwks()),
  );
}
