import { isMainThread } from 'node:worker_threads';

/** How long the event loop stands still, milliseconds. */
const BLOCKED_MS = 18_000;

// Loaded before the entry of a worker process (`NODE_OPTIONS=--import`): SIGUSR2 blocks its event loop, as an endless loop would.
if (isMainThread) {
  process.on('SIGUSR2', () => {
    const endMs = performance.now() + BLOCKED_MS;
    while (performance.now() < endMs);
  });
}
