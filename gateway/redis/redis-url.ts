import type { RedisOptions } from 'ioredis';

/** Where a Redis is, as `ioredis` takes it. */
export type RedisEndpoint =
  | { readonly kind: 'single'; readonly nodes: readonly HostAndPort[]; readonly url: string }
  | { readonly kind: 'sentinel'; readonly nodes: readonly HostAndPort[]; readonly options: SentinelOptions }
  | { readonly kind: 'cluster'; readonly nodes: readonly HostAndPort[]; readonly options: Access };

type Access = Pick<RedisOptions, 'username' | 'password' | 'tls'>;
type SentinelOptions = Access &
  Pick<
    RedisOptions,
    'sentinels' | 'name' | 'db' | 'sentinelUsername' | 'sentinelPassword' | 'sentinelTLS' | 'enableTLSForSentinelMode'
  >;

interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

export const REDIS_URL_EXAMPLES =
  'rediss://host:port, rediss+sentinel://host:port,host:port/primary-name or rediss+cluster://host:port,host:port';

/** The text is no URL of a Redis; the message says what is wrong with it, and shows none of it. */
export class RedisUrlError extends Error {
  override readonly name = 'RedisUrlError';
}

/** Scheme, topology, `user:password`, hosts, path and query. Several hosts with ports are more than `URL` takes. */
const FORM = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^@/?#]*)@)?([^@/?#]+)(?:\/([^?#]*))?(?:\?([^#]*))?$/iu;
const REDIS_PORT = 6_379;
const SENTINEL_PORT = 26_379;
const DATABASE = /^\d{1,5}$/u;

/**
 * Understands `redis://` and, for TLS, `rediss://`, of one Redis; `redis+sentinel://[user:password@]host:port,.../name[/database]`
 * whose hosts are Sentinels that watch the primary of that name (`?sentinelUsername=` and `?sentinelPassword=` where they have
 * credentials of their own); and `redis+cluster://[user:password@]host:port,...`. Ports default to 6379, of Sentinels to 26379.
 * Credentials are percent-encoded.
 *
 * @throws RedisUrlError
 */
export function parseRedisUrl(text: string): RedisEndpoint {
  const [, scheme = '', topology, userinfo, hosts = '', path = '', query = ''] = FORM.exec(text) ?? [];
  if (scheme === '') throw new RedisUrlError(`must be a URL, like ${REDIS_URL_EXAMPLES}`);
  const parameters = new URLSearchParams(query);
  const tls = scheme.toLowerCase() === 'rediss' ? { tls: {} } : {};
  const access: Access = { ...credentialsIn(userinfo), ...tls };
  switch (topology?.toLowerCase()) {
    case 'sentinel':
      return sentinel(hosts, path, parameters, access);
    case 'cluster': {
      if (path !== '' && path !== '0')
        throw new RedisUrlError('must name no database other than 0: a Cluster has no others');
      refuseOthers(parameters, []);
      return { kind: 'cluster', nodes: nodesIn(hosts, REDIS_PORT), options: access };
    }
    default: {
      const nodes = nodesIn(hosts, REDIS_PORT);
      if (nodes.length > 1)
        throw new RedisUrlError('must name one host, or begin with redis+sentinel: or redis+cluster:');
      if (path !== '' && !DATABASE.test(path))
        throw new RedisUrlError('must end in the number of a database, or not at all');
      return { kind: 'single', nodes, url: text };
    }
  }
}

/** One URL for each host that is named: what they are checked by. @throws RedisUrlError */
export function redisHostUrls(text: string): readonly string[] {
  const scheme = /^rediss/iu.test(text) ? 'rediss' : 'redis';
  return parseRedisUrl(text).nodes.map(
    ({ host, port }) => `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`,
  );
}

function sentinel(hosts: string, path: string, parameters: URLSearchParams, access: Access): RedisEndpoint {
  const [name = '', database, ...more] = path.split('/').map(decoded);
  if (name === '') throw new RedisUrlError('must end in the name by which Sentinel knows the primary, like /mymaster');
  if (more.length > 0 || (database !== undefined && !DATABASE.test(database))) {
    throw new RedisUrlError('may have the number of a database after the name of the primary, and nothing else');
  }
  refuseOthers(parameters, ['sentinelUsername', 'sentinelPassword']);
  const nodes = nodesIn(hosts, SENTINEL_PORT);
  const username = parameters.get('sentinelUsername');
  const password = parameters.get('sentinelPassword');
  return {
    kind: 'sentinel',
    nodes,
    options: {
      ...access,
      sentinels: nodes.map((node) => ({ ...node })),
      name,
      ...(database === undefined ? {} : { db: Number(database) }),
      ...(username === null ? {} : { sentinelUsername: username }),
      ...(password === null ? {} : { sentinelPassword: password }),
      ...(access.tls ? { sentinelTLS: access.tls, enableTLSForSentinelMode: true } : {}),
    },
  };
}

function credentialsIn(userinfo: string | undefined): Pick<RedisOptions, 'username' | 'password'> {
  if (userinfo === undefined) return {};
  const separator = userinfo.indexOf(':');
  const username = decoded(separator === -1 ? userinfo : userinfo.slice(0, separator));
  const password = separator === -1 ? '' : decoded(userinfo.slice(separator + 1));
  return { ...(username === '' ? {} : { username }), ...(password === '' ? {} : { password }) };
}

function nodesIn(hosts: string, defaultPort: number): readonly HostAndPort[] {
  return hosts.split(',').map((text) => {
    // Any scheme without a port of its own: `URL` leaves that out.
    const url = URL.canParse(`redis://${text}`) ? new URL(`redis://${text}`) : undefined;
    if (url === undefined || url.hostname === '' || url.port === '0') {
      throw new RedisUrlError('must name hosts as host:port, separated by commas');
    }
    return {
      host: url.hostname.replace(/^\[(.*)\]$/u, '$1'),
      port: url.port === '' ? defaultPort : Number(url.port),
    };
  });
}

function refuseOthers(parameters: URLSearchParams, known: readonly string[]): void {
  if ([...parameters.keys()].every((name) => known.includes(name))) return;
  throw new RedisUrlError(`has a parameter other than those it may have: ${known.join(', ') || 'none'}`);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new RedisUrlError('has a % that is no percent-encoding');
  }
}
