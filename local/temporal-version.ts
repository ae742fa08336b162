/**
 * The Temporal CLI that is fetched or built when the machine has none. 1.5.1 carries server 1.29.1; newer ones cannot be
 * built by `go install`, because their go.mod has replace directives.
 */
export const TEMPORAL_VERSION = '1.5.1';

export const TEMPORAL_GO_PACKAGE = `github.com/temporalio/cli/cmd/temporal@v${TEMPORAL_VERSION}`;

/** Oldest server that has all this project uses: update-with-start came with 1.28. */
const OLDEST_SERVER = [1, 28] as const;

/** What the SDK's downloader calls a fetched binary [sdk-core `ephemeral_server/mod.rs`]. */
export function downloadedName(): string {
  return `temporal-v${TEMPORAL_VERSION}${process.platform === 'win32' ? '.exe' : ''}`;
}

/**
 * Reads `temporal --version`, such as `temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)`.
 * @returns why the binary is of no use; undefined when it can be used
 */
export function faultOfVersion(output: string): string | undefined {
  const match = /\(Server (\d+)\.(\d+)\./.exec(output);
  if (!match) return 'it is no Temporal CLI with a development server';
  const [major, minor] = [Number(match[1]), Number(match[2])];
  const [oldestMajor, oldestMinor] = OLDEST_SERVER;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return undefined;
  return `its server is ${major}.${minor}, older than ${OLDEST_SERVER.join('.')}`;
}
