import type { Registry } from 'prom-client';
import type { GatewayApp } from '../app.ts';
import type { LeaseSigner } from '../leases/lease-signer.ts';

export interface OperationRoutesOptions {
  readonly metrics: Registry;
  readonly leases: LeaseSigner;
  /** Names of parts that keep the gateway from its work; empty when it does it. */
  readonly unready: () => readonly string[];
  /** Names of parts that are away and done without. */
  readonly degraded: () => readonly string[];
}

/** For those who run the gateway, and the public keys of leases. */
export function registerOperationRoutes(app: GatewayApp, options: OperationRoutesOptions): void {
  const { metrics, leases, unready, degraded } = options;
  const config = { access: 'probe' } as const;
  const schema = { hide: true } as const;

  app.get('/healthz', { config, schema }, () => ({ live: true }));

  app.get('/readyz', { config, schema }, async (_request, reply) => {
    const parts = unready();
    return await reply
      .code(parts.length === 0 ? 200 : 503)
      .send({ ready: parts.length === 0, unready: parts, degraded: degraded() });
  });

  app.get('/metrics', { config, schema }, async (_request, reply) => {
    return await reply.type(metrics.contentType).send(await metrics.metrics());
  });

  app.get(
    '/.well-known/jwks.json',
    { config: { access: 'open' }, schema: { tags: ['leases'], summary: 'Public keys of leases' } },
    async (_request, reply) => await reply.header('cache-control', 'public, max-age=300').send(leases.jwks()),
  );
}
