import helmet from '@fastify/helmet';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';
import type { GatewayApp } from '../app.ts';
import { PROBLEM_MEDIA_TYPE } from '../problem.ts';
import { isSigmaPath } from './sigma.ts';

const DESCRIPTION = `Concurrent video streams of accounts: take a slot, keep it by beats, give it back.
A user token acts for its own \`sub\`, a token with the scope \`streams\` for anyone. Errors are RFC 9457 problem+json.
\`null\` in a field that may be left out is the same as leaving it out. A slash at the end of a path means nothing.
A method that is not offered is answered with 405 and \`Allow\`; OPTIONS needs no token.`;

/** `/openapi.json` and `/docs`; to be registered before the routes it describes. */
export async function registerDocumentation(app: GatewayApp): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Stream sessions', description: DESCRIPTION, version: '1' },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
      security: [{ bearer: [] }],
    },
    transform(document) {
      const { schema, url } = jsonSchemaTransform(document);
      const isOpen = document.route.config?.access === 'open';
      return { schema: isOpen ? { ...schema, security: [] } : schema, url };
    },
    transformObject(document) {
      if (!('openapiObject' in document)) return document.swaggerObject;
      for (const [path, operations] of Object.entries(document.openapiObject.paths ?? {})) {
        for (const operation of Object.values<Operation>(Object(operations))) correct(path, operation);
      }
      return document.openapiObject;
    },
  });
  app.get('/openapi.json', { config: { access: 'open' }, schema: { hide: true } }, () => app.swagger());
  await app.register(async (pages) => {
    await pages.register(helmet);
    await pages.register(swaggerUi, { routePrefix: '/docs', staticCSP: true });
  });
}

interface Content {
  [mediaType: string]: { readonly schema?: { readonly anyOf?: readonly { readonly type?: string }[] } };
}

/** As much of an operation as is corrected. */
interface Operation {
  readonly requestBody?: { required?: boolean; readonly content: Content };
  readonly responses?: Readonly<Record<string, { content?: Content }>>;
}

/** What the schemas of a route cannot say: which bodies may be missing, that 204 has none, and what problems are. */
function correct(path: string, { requestBody, responses = {} }: Operation): void {
  const mayBeMissing = Object.values(requestBody?.content ?? {}).some(({ schema }) =>
    schema?.anyOf?.some(({ type }) => type === 'null'),
  );
  if (requestBody && mayBeMissing) requestBody.required = false;
  for (const [status, response] of Object.entries(responses)) {
    const { 'application/json': json } = response.content ?? {};
    if (status === '204') delete response.content;
    else if (json && !isSigmaPath(path) && (status === 'default' || status >= '400'))
      response.content = { [PROBLEM_MEDIA_TYPE]: json };
  }
}
