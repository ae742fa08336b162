import { mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { makeDirectory } from '../contracts/shared/make-directory.ts';
import { OwnedProcess, describeExit } from './owned-process.ts';
import { TEMPORAL_GO_PACKAGE, TEMPORAL_VERSION } from './temporal-version.ts';

const REPORT_EVERY_MS = 1_000;
const STOP_GRACE_MS = 5_000;

export interface BuildOptions {
  readonly go: string;
  /** Where the finished binary goes; its folder is made. */
  readonly target: string;
  readonly env: Readonly<Record<string, string>>;
  /** Longest build, milliseconds. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** Told about once a second how far the build is. */
  readonly onProgress: (line: string) => void;
}

/**
 * Builds the Temporal CLI with Go, four to five minutes on two cores. The binary appears at its target in one step, so
 * that builds side by side, or one broken off, leave no half of it.
 *
 * @throws Error with the last lines of Go's output
 */
export async function buildTemporal(options: BuildOptions): Promise<void> {
  const { target } = options;
  const cache = path.dirname(path.dirname(target));
  makeDirectory(cache);
  const scratch = await mkdtemp(path.join(cache, 'build-'));
  try {
    await install({ ...options, env: { ...options.env, GOBIN: scratch } });
    makeDirectory(path.dirname(target));
    await rename(path.join(scratch, path.basename(target)), target);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function install({ go, env, timeoutMs, onProgress, signal }: BuildOptions): Promise<void> {
  const startedAt = Date.now();
  const seen = { modules: 0, packages: 0 };
  // -v names each package as it is compiled: the only sign of progress Go gives.
  const build = await OwnedProcess.start(go, ['install', '-v', TEMPORAL_GO_PACKAGE], {
    env,
    onLine: (line) => {
      if (line.startsWith('go: downloading')) seen.modules += 1;
      else seen.packages += 1;
    },
  });
  const report = () => onProgress(describeProgress(Date.now() - startedAt, seen.modules, seen.packages));
  report();
  const reporter = setInterval(report, REPORT_EVERY_MS);
  try {
    const exit = await build.exitWithin(timeoutMs, STOP_GRACE_MS, signal);
    if (exit.code === 0) return;
    const after = Math.round((Date.now() - startedAt) / 1000);
    throw new Error(`go install ended with ${describeExit(exit)} after ${after} s:\n${build.output}`);
  } finally {
    clearInterval(reporter);
  }
}

function describeProgress(elapsedMs: number, modules: number, packages: number): string {
  const elapsed = `${Math.round(elapsedMs / 1000)} s`;
  return (
    `Building Temporal ${TEMPORAL_VERSION} with Go, once, about 5 minutes: ` +
    `${elapsed}, ${modules} modules fetched, ${packages} packages compiled`
  );
}
