import { runCli } from './run-cli.ts';

const abort = new AbortController();
const stop = (): void => {
  // A second Ctrl-C ends the process at once.
  if (abort.signal.aborted) process.exit(130);
  abort.abort();
};
process.on('SIGINT', stop);
process.on('SIGTERM', stop);
// A reader that has enough, such as `head`, closes the pipe: no reason for a stack trace.
process.stdout.on('error', (error) => {
  if (Reflect.get(error, 'code') === 'EPIPE') process.exit(0);
  throw error;
});

const { stdout, stderr } = process;
process.exitCode = await runCli(process.argv.slice(2), { stdout, stderr, signal: abort.signal });
