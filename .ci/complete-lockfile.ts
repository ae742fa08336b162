/**
 * Adds to package-lock.json the packages of other platforms that npm left out. Behind a registry mirror that serves one
 * platform only, `npm install` writes a lock file without them, which `npm ci` then refuses.
 *
 * Usage, after a change of dependencies: `npm run complete-lockfile`
 */
import { readFile, writeFile } from 'node:fs/promises';

interface LockedPackage {
  readonly version?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly optional?: true;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
}

interface LockFile {
  packages: Record<string, LockedPackage>;
}

const PLATFORM =
  /(android|darwin|freebsd|linux|openharmony|win32)-(arm64|arm|ia32|ppc64|riscv64|s390x|x64)(?:-(gnu|musl|\w+))?$/;
const LIBC = { gnu: 'glibc', musl: 'musl' } as const;

const file = new URL('../package-lock.json', import.meta.url);
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- npm's own file
const lock = JSON.parse(await readFile(file, 'utf8')) as LockFile;
const added: string[] = [];
for (const [parent, { optionalDependencies = {} }] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const [, os, cpu, libc] = PLATFORM.exec(name) ?? [];
    if (!os || !cpu || !/^\d/.test(version)) continue;
    if (`node_modules/${name}` in lock.packages || `${parent}/node_modules/${name}` in lock.packages) continue;
    const libcField = os === 'linux' && (libc === 'gnu' || libc === 'musl') ? { libc: [LIBC[libc]] } : {};
    lock.packages[`node_modules/${name}`] = { version, cpu: [cpu], ...libcField, optional: true, os: [os] };
    added.push(name);
  }
}
lock.packages = Object.fromEntries(
  Object.entries(lock.packages).toSorted(([left], [right]) => (left < right ? -1 : 1)),
);
await writeFile(file, `${JSON.stringify(lock, undefined, 2)}\n`);
process.stdout.write(`${added.length} packages of other platforms added\n`);
