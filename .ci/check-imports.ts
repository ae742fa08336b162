/**
 * Which folder may import from which, and that no files import each other in a circle: `npm run lint`. Types count, as a reader
 * has to follow them too. The two products, events and sessions, import nothing of each other.
 */
import { globSync, readFileSync } from 'node:fs';
import { findFaults, type SourceFile } from './imports.ts';

const EVENTS = ['contracts/events', 'contracts/shared'];
const SESSIONS = ['contracts/sessions', 'contracts/shared'];
const PRODUCT = ['contracts', 'workflows', 'activities', 'bridge', 'gateway', 'access-log', 'client'];

/** What each folder may import beside itself. The longest name that fits counts. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'contracts/shared': [],
  'contracts/events': ['contracts/shared'],
  'contracts/sessions': ['contracts/shared'],
  workflows: ['workflows/events', 'workflows/sessions'],
  // Of activities the types alone, see .oxlintrc.json.
  'workflows/events': [...EVENTS, 'activities'],
  'workflows/sessions': SESSIONS,
  activities: EVENTS,
  bridge: EVENTS,
  'access-log': SESSIONS,
  gateway: [...SESSIONS, 'client', 'access-log'],
  client: ['contracts'],
  cli: ['contracts', 'client'],
  workers: PRODUCT,
  local: [...PRODUCT, 'workers'],
  bench: [...PRODUCT, 'workers', 'local', 'cli', 'test/support'],
  test: [...PRODUCT, 'workers', 'local', 'cli', 'bench', '.ci'],
  '.ci': [],
};

const names = globSync('**/*.ts', { exclude: ['**/node_modules', 'dist', '.local'] }).concat(globSync('.ci/*.ts'));
const files = names.map((name): SourceFile => ({ name: name.replaceAll('\\', '/'), text: readFileSync(name, 'utf8') }));
const faults = findFaults(files, MAY_IMPORT);
for (const fault of faults) process.stderr.write(`${fault}\n`);
process.exitCode = faults.length > 0 ? 1 : 0;
