import type { Call, Endpoint } from '../endpoint.ts';
import { doesNotExistError, inputError, policyError } from '../errors.ts';
import { parameter } from '../input.ts';

/** Calls of the client that this server does not offer. They fail, and say so. */
export const notOfferedEndpoints: readonly Endpoint[] = [
  { method: 'GET', path: '/og/', resource: 'feed', quota: 'other', handle: openGraph },
  notOffered('POST', '/files/'),
  notOffered('DELETE', '/files/'),
  notOffered('POST', '/images/'),
  notOffered('GET', '/images/'),
  notOffered('DELETE', '/images/'),
  notOffered('POST', '/moderation/flag/', 'moderation'),
  {
    method: 'GET',
    path: '/enrich/personalization/feed/',
    resource: 'personalization',
    quota: 'readFeed',
    handle: personalizedFeed,
  },
];

function notOffered(method: Endpoint['method'], path: string, resource: Endpoint['resource'] = 'feed'): Endpoint {
  const handle = (): never => {
    throw doesNotExistError(`${path} is not offered by this Stream-compatible server`);
  };
  return { method, path, resource, quota: 'other', handle };
}

/** This server fetches nothing from the web, so it finds nothing: the recorded answer for that. */
function openGraph(): never {
  throw inputError("couldn't find og data for the provided url");
}

function personalizedFeed({ caller, query }: Call): never {
  const asked = parameter(query, 'user_id');
  if (caller.kind === 'user' && asked !== undefined && asked !== caller.userId) throw policyError();
  throw doesNotExistError('personalization is not offered by this Stream-compatible server');
}
