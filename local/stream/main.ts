import { parseArgs } from 'node:util';
import { type StreamServerOptions, startStreamServer } from './server.ts';

const HELP = `Stream-compatible server for the getstream client.

  npm run stream-server -- --key KEY --secret SECRET [options]

  --port N            port to listen on, 0 for any (default 8800)
  --host HOST         address to listen on (default 127.0.0.1)
  --key KEY           API key that clients connect with
  --secret SECRET     API secret that tokens are signed with
  --app-id ID         application id shown on the page at /
  --database FILE     SQLite file that keeps the data (default: in memory)
  --no-rate-limits    do not enforce Stream's published quotas
  --no-control        no /_control routes (faults, stats, data)
  --help              this text
`;

const OPTIONS = {
  port: { type: 'string', default: '8800' },
  host: { type: 'string', default: '127.0.0.1' },
  key: { type: 'string' },
  secret: { type: 'string' },
  'app-id': { type: 'string' },
  database: { type: 'string' },
  'rate-limits': { type: 'boolean', default: true },
  control: { type: 'boolean', default: true },
  help: { type: 'boolean', default: false },
} as const;

/** Reads the command line; undefined when only the help was asked for. Throws an error that says what is wrong. */
function readOptions(args: string[]): StreamServerOptions | undefined {
  const { values } = parseArgs({ args, options: OPTIONS, allowNegative: true, strict: true });
  if (values.help) return undefined;
  const { key, secret } = values;
  if (!key || !secret) throw new Error('--key and --secret are required');
  if (secret.includes('.'))
    throw new Error('--secret must not contain a dot: the client takes such a secret for a token');
  const port = Number(values.port);
  if (!/^\d+$/.test(values.port) || port > 65_535)
    throw new Error(`--port must be from 0 to 65535, not ${values.port}`);
  return {
    port,
    host: values.host,
    apiKey: key,
    apiSecret: secret,
    ...(values['app-id'] === undefined ? {} : { appId: values['app-id'] }),
    ...(values.database === undefined ? {} : { databaseFile: values.database }),
    rateLimits: values['rate-limits'],
    control: values.control,
  };
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (!options) {
    process.stdout.write(HELP);
    return;
  }
  const server = await startStreamServer(options).catch((error: unknown) => {
    throw new Error(reasonNotToStart(options, error), { cause: error });
  });
  process.stdout.write(`Stream-compatible server on ${server.url}, api base ${server.url}/api/\n`);
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    void server.close().then(() => process.stdout.write('stopped\n'));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}

/** In terms of the command line. */
function reasonNotToStart({ host = '127.0.0.1', port, databaseFile }: StreamServerOptions, error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  if (code === 'EADDRINUSE')
    return `port ${port} of ${host} is in use: stop what listens there, or choose another with --port`;
  if (code === 'EACCES') return `port ${port} of ${host} is not for this user: choose one above 1023 with --port`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `--host ${host} is no address of this machine: ${reason}`;
  return databaseFile === undefined ? reason : `--database ${databaseFile} cannot be used: ${reason}`;
}

try {
  await main();
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${reason}\nTry --help.\n`);
  process.exitCode = 1;
}
