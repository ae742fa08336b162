import helmet from '@fastify/helmet';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';
import type { GatewayApp } from '../app.ts';

const DESCRIPTION = `Concurrent video streams of accounts: take a slot, keep it by beats, give it back.
A user token acts for its own \`sub\`, a token with the scope \`streams\` for anyone. Errors are RFC 9457 problem+json.`;

/** `/openapi.json` and `/docs`; to be registered before the routes it describes. */
export async function registerDocumentation(app: GatewayApp): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Stream sessions', description: DESCRIPTION, version: '1' },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
      security: [{ bearer: [] }],
    },
    transform: jsonSchemaTransform,
  });
  app.get('/openapi.json', { config: { access: 'open' }, schema: { hide: true } }, () => app.swagger());
  await app.register(async (pages) => {
    await pages.register(helmet);
    await pages.register(swaggerUi, { routePrefix: '/docs', staticCSP: true });
  });
}
