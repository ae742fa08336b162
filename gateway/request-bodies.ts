import type { FastifyRequest } from 'fastify';
import type { GatewayApp } from './app.ts';
import { Problem } from './problem.ts';

const MEDIA_TYPE = /^\s*[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(?:;|$)/;
/** Stands for a type that is none, which Fastify would refuse before it looks whether there is a body. */
const ANY_TYPE = 'application/octet-stream';

/**
 * Bodies are JSON. An empty one is taken whatever type or encoding it is said to have: HTTP libraries send the type of a form,
 * of text or of bytes with requests that have no body, some of them in chunks.
 */
export function parseBodies(app: GatewayApp): void {
  app.removeAllContentTypeParsers();
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.addHook('onRequest', async ({ raw: { headers } }) => {
    const type = headers['content-type'];
    if (type === undefined || type === 'application/json') return;
    if (headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0) {
      delete headers['content-type'];
    } else if (!MEDIA_TYPE.test(type)) headers['content-type'] = ANY_TYPE;
  });
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else if (isPacked(request)) done(packed());
    else void parseJson(request, body.toString(), done);
  });
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => {
    if (body.length === 0) done(null, undefined);
    else if (isPacked(request)) done(packed());
    else done(new Problem('unsupported-media-type', 'the body must be of the type application/json'));
  });
}

function isPacked({ headers }: FastifyRequest): boolean {
  const { 'content-encoding': encoding = 'identity' } = headers;
  return encoding !== 'identity';
}

function packed(): Problem {
  return new Problem('unsupported-media-type', 'a body with a Content-Encoding is not unpacked here');
}
