import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from '../../local/ports.ts';
import { eventually } from './eventually.ts';
import { redisCli, startRedisServer, type RedisServer } from './redis-server.ts';

/** A primary and its replica, watched by a Sentinel that fails over when it is told to. */
export interface RedisWithSentinel {
  readonly url: string;
  readonly first: RedisServer;
  readonly second: RedisServer;
  /** Makes the replica the primary, though the primary may not answer. */
  failOver(): Promise<void>;
  stop(): Promise<void>;
}

const NAME = 'sessions';
/** A replica is filled at once, without waiting for others that might want the same. */
const SYNC_AT_ONCE = ['--repl-diskless-sync-delay', '0'];
const PATIENCE = { timeoutMs: 30_000 };

/** PEM files of the servers, and the passwords of their user `default` and of their Sentinel. */
export interface RedisAccess {
  readonly certificate: string;
  readonly key: string;
  readonly password: string;
  readonly sentinelPassword: string;
}

/** @param access TLS and passwords; neither when left out */
export async function startRedisWithSentinel(access?: RedisAccess): Promise<RedisWithSentinel> {
  const folder = await mkdtemp(path.join(tmpdir(), 'sentinel-'));
  const [firstPort, secondPort, sentinelPort] = await Promise.all([freePort(), freePort(), freePort()]);
  const common = ['--dir', folder, ...SYNC_AT_ONCE];
  const first = await startRedisServer([...common, ...secured(firstPort, access)], {
    password: access?.password,
  });
  const primaryPort = String(access ? firstPort : first.port);
  const replica = ['--replicaof', '127.0.0.1', primaryPort];
  const second = await startRedisServer([...common, ...secured(secondPort, access), ...replica], {
    password: access?.password,
  });
  await eventually(async () => assert.match(await second.command('INFO', 'replication'), /master_link_status:up/));
  const file = path.join(folder, 'sentinel.conf');
  await writeFile(
    file,
    [
      `sentinel monitor ${NAME} 127.0.0.1 ${primaryPort} 1`,
      // It is told when to fail over.
      `sentinel down-after-milliseconds ${NAME} 600000`,
      `sentinel failover-timeout ${NAME} 5000`,
      ...(access ? [`sentinel auth-pass ${NAME} ${access.password}`, `requirepass ${access.sentinelPassword}`] : []),
    ].join('\n'),
  );
  const sentinel = await startRedisServer([file, '--sentinel', '--dir', folder, ...tls(sentinelPort, access)], {
    password: access?.sentinelPassword,
  });
  await eventually(async () => assert.match(await sentinel.command('SENTINEL', 'REPLICAS', NAME), /^name/m));
  return {
    url: access
      ? `rediss+sentinel://default:${encodeURIComponent(access.password)}@localhost:${sentinelPort}/${NAME}?sentinelPassword=${encodeURIComponent(access.sentinelPassword)}`
      : `redis+sentinel://127.0.0.1:${sentinel.port}/${NAME}`,
    first,
    second,
    async failOver() {
      await sentinel.command('SENTINEL', 'FAILOVER', NAME);
      await eventually(async () => assert.match(await second.command('ROLE'), /^master/), PATIENCE);
    },
    async stop() {
      await Promise.all([sentinel, first, second].map((server) => server.kill()));
      await rm(folder, { recursive: true });
    },
  };
}

/** The port without TLS stays, for commands of the test. */
function tls(port: number, access: RedisAccess | undefined): readonly string[] {
  if (!access) return [];
  const { certificate, key } = access;
  const files = ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-ca-cert-file', certificate];
  return ['--tls-port', String(port), ...files, '--tls-auth-clients', 'no', '--tls-replication', 'yes'];
}

function secured(port: number, access: RedisAccess | undefined): readonly string[] {
  if (!access) return [];
  return [...tls(port, access), '--requirepass', access.password, '--masterauth', access.password];
}

/** Three primaries with a replica each. */
export interface RedisCluster {
  readonly url: string;
  /** The primary that has this key. */
  primaryOf(key: string): Promise<RedisServer>;
  stop(): Promise<void>;
}

export async function startRedisCluster(): Promise<RedisCluster> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cluster-'));
  // Of their own, as the default, 10,000 above the port, may be in use or not be a port.
  const busPorts: number[] = [];
  while (busPorts.length < 6) busPorts.push(await freePort());
  const nodes = await Promise.all(
    busPorts.map((busPort, index) =>
      startRedisServer([
        '--cluster-enabled',
        'yes',
        '--cluster-port',
        String(busPort),
        '--cluster-config-file',
        path.join(folder, `${index}.conf`),
        '--cluster-node-timeout',
        '1500',
        '--dir',
        folder,
        ...SYNC_AT_ONCE,
      ]),
    ),
  );
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
  await redisCli('--cluster', 'create', ...addresses, '--cluster-replicas', '1', '--cluster-yes');
  for (const node of nodes) {
    await eventually(async () => {
      assert.match(await node.command('CLUSTER', 'INFO'), /cluster_state:ok/);
      assert.match(await node.command('INFO', 'replication'), /role:master|master_link_status:up/);
    }, PATIENCE);
  }
  return {
    url: `redis+cluster://${addresses.slice(0, 2).join(',')}`,
    async primaryOf(key) {
      const [node] = nodes;
      const slot = Number(await node?.command('CLUSTER', 'KEYSLOT', key));
      for (const candidate of nodes) {
        const own = (await candidate.command('CLUSTER', 'NODES')).split('\n').find((line) => line.includes('myself'));
        const ranges = (own?.split(' ').slice(8) ?? []).map((range) => range.split('-').map(Number));
        if (ranges.some(([from = NaN, to = from]) => from <= slot && slot <= to)) return candidate;
      }
      return assert.fail(`no node has the slot ${slot}`);
    },
    async stop() {
      for (const node of nodes) node.thaw();
      await Promise.all(nodes.map((node) => node.kill()));
      await rm(folder, { recursive: true });
    },
  };
}
