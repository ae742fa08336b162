/**
 * Fetches the Temporal CLI with the SDK's own downloader. A program of its own, started by `temporal-binary.ts`, because
 * the downloader has no time-out and cannot be called off: a process can be ended.
 *
 * Usage: `node local/temporal-download.ts <directory>`; leaves `temporal-v<version>` there.
 */
import { Runtime } from '@temporalio/worker';
import { TEMPORAL_VERSION } from './temporal-version.ts';

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error('usage: temporal-download.ts <directory>');

try {
  const runtime = Runtime.instance();
  const server = await runtime.createEphemeralServer({
    type: 'dev-server',
    exe: {
      type: 'cached-download',
      downloadDir: directory,
      version: `v${TEMPORAL_VERSION}`,
      ttl: 0,
      sdkName: 'sdk-typescript',
      sdkVersion: 'default',
    },
    namespace: 'default',
    ip: '127.0.0.1',
    port: null,
    uiPort: null,
    dbFilename: null,
    ui: false,
    log: { format: 'text', level: 'never' },
    extraArgs: [],
  });
  // The downloader only comes with a server started from what it fetched.
  await runtime.shutdownEphemeralServer(server);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
