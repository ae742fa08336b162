/** `npm start`: the whole system on this machine, with traffic to look at. */
import path from 'node:path';
import { ConfigError, readLocalConfig, type LocalConfig } from './config.ts';
import { isNothing } from './demo/account.ts';
import { runDemo } from './demo/run.ts';
import { summarise, type DemoResult } from './demo/summary.ts';
import { LockHeldError } from './process-lock.ts';
import { startStack, type Stack } from './stack.ts';
import { parseStartOptions, START_HELP, UsageError, type StartOptions } from './start-options.ts';
import { streamReadToken } from './stream-token.ts';
import { Terminal } from './terminal.ts';

const SETTLE_TIMEOUT_MS = 120_000;
const EXIT_USAGE = 2;

async function main(options: StartOptions, config: LocalConfig, interrupted: AbortSignal): Promise<number> {
  const terminal = new Terminal(process.stdout, { quiet: options.quiet });
  const startedAt = Date.now();
  terminal.progress('Starting Temporal, SQS and SNS, the Stream-compatible server, a worker and the gateway');
  const stack = await startStack({
    stateDirectory: config.LOCAL_DIRECTORY,
    namespace: config.TEMPORAL_NAMESPACE,
    logLevel: config.LOG_LEVEL,
    disorder: config.SQS_DISORDER === 'on' && { seed: config.DEMO_SEED },
    ports: {
      temporal: config.TEMPORAL_PORT,
      temporalUi: config.TEMPORAL_UI_PORT,
      aws: config.AWS_PORT,
      stream: config.STREAM_PORT,
      metrics: config.METRICS_PORT,
      health: config.HEALTH_PORT,
      gateway: config.GATEWAY_PORT,
      gatewayMetrics: config.GATEWAY_METRICS_PORT,
      gatewayHealth: config.GATEWAY_HEALTH_PORT,
    },
    signal: interrupted,
    onEvent: (line) => terminal.note(line),
    onProgress: (line) => terminal.progress(line),
    ...(config.TEMPORAL_ADDRESS !== undefined && { temporalAddress: config.TEMPORAL_ADDRESS }),
    ...(options.verbose && { onWorkerLine: (line, process) => terminal.line(`${process} | ${line}`) }),
  });
  terminal.endProgress();
  terminal.note(`The stack is up after ${((Date.now() - startedAt) / 1000).toFixed(1)} s.`);
  try {
    return await use(stack, options, config, terminal, interrupted);
  } finally {
    terminal.progress('Stopping: the processes finish what they hold');
    await stack.stop();
    terminal.endProgress();
    terminal.note('Stopped.');
  }
}

/** @returns the exit code */
async function use(
  stack: Stack,
  options: StartOptions,
  config: LocalConfig,
  terminal: Terminal,
  interrupted: AbortSignal,
): Promise<number> {
  const ending = new AbortController();
  const signal = AbortSignal.any([interrupted, ending.signal]);
  const broken = stack.broken.then((reason) => {
    if (!interrupted.aborted) ending.abort();
    return reason;
  });

  const settleTimeoutMs = SETTLE_TIMEOUT_MS;
  const demo =
    options.demo && !signal.aborted
      ? await runDemo(stack, {
          seed: config.DEMO_SEED,
          actions: config.DEMO_ACTIONS,
          settleTimeoutMs,
          terminal,
          signal,
        })
      : undefined;
  if (!signal.aborted) await showSummary(stack, config.LOCAL_DIRECTORY, demo, terminal);
  if (options.exitAfterDemo) return !signal.aborted && demo && isNothing(demo.missing) ? 0 : 1;

  if (!signal.aborted) terminal.line('\nReady. Press Ctrl-C to stop.');
  await aborted(signal);
  if (interrupted.aborted) return 0;
  terminal.line(`The stack is broken: ${await broken}.`);
  return 1;
}

async function showSummary(
  stack: Stack,
  directory: string,
  demo: DemoResult | undefined,
  terminal: Terminal,
): Promise<void> {
  const lines = summarise({
    endpoints: stack.endpoints,
    depths: stack.aws.depths(),
    endpointsFile: path.join(directory, 'endpoints.json'),
    workerLog: path.join(directory, 'worker.log'),
    streamToken: await streamReadToken(stack.endpoints.stream.apiSecret),
    ...(demo && { demo }),
  });
  terminal.line();
  for (const line of lines) terminal.line(line);
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  // A pending promise alone does not keep Node running.
  const alive = setInterval(() => undefined, 60_000);
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  clearInterval(alive);
}

/** The first signal asks for an orderly stop, a second one ends the process at once. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(1);
      controller.abort();
    });
  }
  return controller.signal;
}

/** For a person: the messages of the error and its causes. The stack is only for `--verbose`. */
function explain(error: unknown, verbose: boolean): string {
  if (error instanceof LockHeldError) {
    return `A local stack runs already: process ${error.holder.pid}. Stop it first, with Ctrl-C or kill ${error.holder.pid}.`;
  }
  if (!(error instanceof Error)) return String(error);
  if (verbose && error.stack !== undefined) return error.stack;
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}

function fail(error: unknown, verbose: boolean): void {
  const hint = error instanceof UsageError ? '\nnpm start -- --help tells what there is.' : '';
  process.stderr.write(`${explain(error, verbose)}${hint}\n`);
  process.exitCode = error instanceof UsageError || error instanceof ConfigError ? EXIT_USAGE : 1;
}

const interrupted = interruption();
const words = process.argv.slice(2);
try {
  const options = parseStartOptions(words);
  if (options.help) process.stdout.write(START_HELP);
  else process.exitCode = await main(options, readLocalConfig(), interrupted);
} catch (error) {
  const isBrokenOff = interrupted.aborted && error instanceof Error && error.name === 'AbortError';
  if (isBrokenOff) process.stdout.write('\nStopped before everything was up.\n');
  else fail(error, words.includes('--verbose'));
}
