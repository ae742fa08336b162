/** `npm start`: the whole system on this machine, with traffic to look at. */
import path from 'node:path';
import { explainError } from '../contracts/shared/text.ts';
import { ConfigError, readLocalConfig, type LocalConfig } from './config.ts';
import { isNothing } from './demo/account.ts';
import { Players, type PlayersResult } from './demo/players.ts';
import { runDemo, runName } from './demo/run.ts';
import { LOCAL_SESSION_POLICY, whyNoPlayers } from './demo/session-policy.ts';
import { summarise, type DemoResult } from './demo/summary.ts';
import { POLICY_FILE } from './gateway-process.ts';
import { LockHeldError } from './process-lock.ts';
import { sessionToken } from './session-token.ts';
import { LOG_FILES } from './stack-parts.ts';
import { startStack, type Stack } from './stack.ts';
import { parseStartOptions, START_HELP, UsageError, type StartOptions } from './start-options.ts';
import { streamReadToken } from './stream-token.ts';
import { Terminal } from './terminal.ts';

const SETTLE_TIMEOUT_MS = 120_000;
const EXIT_USAGE = 2;
/** Who the token in the summary is of. */
const SERVICE = { subject: 'local-service', scope: 'streams blacklist' };

async function main(options: StartOptions, config: LocalConfig, interrupted: AbortSignal): Promise<number> {
  const terminal = new Terminal(process.stdout, { quiet: options.quiet });
  const startedAt = Date.now();
  terminal.progress('Starting Temporal, SQS and SNS, the Stream-compatible server, a worker and the gateway');
  const stack = await startStack({
    stateDirectory: config.LOCAL_DIRECTORY,
    namespace: config.TEMPORAL_NAMESPACE,
    logLevel: config.LOG_LEVEL,
    sessionPolicy: LOCAL_SESSION_POLICY,
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

  const players = options.demo ? playersOn(stack, terminal, signal) : undefined;
  try {
    const results = options.demo && !signal.aborted ? await runDemos(stack, players, config, terminal, signal) : {};
    if (!signal.aborted) await showSummary(stack, config.LOCAL_DIRECTORY, results, terminal);
    if (options.exitAfterDemo) return !signal.aborted && wentWell(results) ? 0 : 1;

    if (!signal.aborted) terminal.line('\nReady. Press Ctrl-C to stop.');
    await aborted(signal);
  } finally {
    await players?.stop();
  }
  if (interrupted.aborted) return 0;
  terminal.line(`The stack is broken: ${await broken}.`);
  return 1;
}

interface DemoResults {
  readonly demo?: DemoResult;
  readonly players?: PlayersResult;
}

/** Both at once: what the players wait for takes no work. */
async function runDemos(
  stack: Stack,
  players: Players | undefined,
  config: LocalConfig,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<DemoResults> {
  const { DEMO_SEED: seed, DEMO_ACTIONS: actions } = config;
  const playing = players?.play();
  const demo = await runDemo(stack, { seed, actions, settleTimeoutMs: SETTLE_TIMEOUT_MS, terminal, signal });
  if (playing) terminal.progress('Waiting for the players: a crashed one keeps its slot for a lease');
  const played = await playing;
  terminal.endProgress();
  return { demo, ...(played && { players: played }) };
}

function playersOn(stack: Stack, terminal: Terminal, signal: AbortSignal): Players | undefined {
  const { endpoints, sessionPolicy: policy } = stack;
  if (!endpoints.gateway || !policy) return undefined;
  const reason = whyNoPlayers(policy);
  if (reason !== undefined) {
    terminal.line(`The demo has no players: ${POLICY_FILE} was changed, and ${reason}.`);
    return undefined;
  }
  const onEnded = (line: string): void => terminal.line(line);
  return new Players({ gateway: endpoints.gateway, policy, run: runName(new Date()), signal, onEnded });
}

function wentWell({ demo, players }: DemoResults): boolean {
  const asTheyMust = players?.scenes.every(({ fault }) => fault === undefined) ?? true;
  return demo !== undefined && isNothing(demo.missing) && asTheyMust;
}

async function showSummary(stack: Stack, directory: string, results: DemoResults, terminal: Terminal): Promise<void> {
  const { endpoints, aws } = stack;
  const { gateway } = endpoints;
  const lines = summarise({
    endpoints,
    depths: aws.depths(),
    endpointsFile: path.join(directory, 'endpoints.json'),
    workerLog: path.join(directory, LOG_FILES.worker),
    gatewayLog: path.join(directory, LOG_FILES.gateway),
    policyFile: path.join(directory, POLICY_FILE),
    streamToken: await streamReadToken(endpoints.stream.apiSecret),
    ...(gateway && { sessionToken: await sessionToken(gateway.jwtSecret, SERVICE) }),
    ...results,
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

/** For a person: the messages of the error and its causes. The stack is only for `--verbose` and LOG_LEVEL=debug. */
function explain(error: unknown, isDebugging: boolean): string {
  if (error instanceof LockHeldError) {
    return `A local stack runs already: process ${error.holder.pid}. Stop it first, with Ctrl-C or kill ${error.holder.pid}.`;
  }
  if (isDebugging && error instanceof Error && error.stack !== undefined) return error.stack;
  // A list of settings has a line for each.
  return error instanceof ConfigError ? error.message : explainError(error);
}

function fail(error: unknown, isDebugging: boolean): void {
  const hint = error instanceof UsageError ? '\nnpm start -- --help tells what there is.' : '';
  process.stderr.write(`${explain(error, isDebugging)}${hint}\n`);
  process.exitCode = error instanceof UsageError || error instanceof ConfigError ? EXIT_USAGE : 1;
}

const interrupted = interruption();
const words = process.argv.slice(2);
let isDebugging = words.includes('--verbose');
try {
  const options = parseStartOptions(words);
  if (options.help) process.stdout.write(START_HELP);
  else {
    const config = readLocalConfig();
    isDebugging ||= ['debug', 'trace'].includes(config.LOG_LEVEL);
    process.exitCode = await main(options, config, interrupted);
  }
} catch (error) {
  const isBrokenOff = interrupted.aborted && error instanceof Error && error.name === 'AbortError';
  if (isBrokenOff) process.stdout.write('\nStopped before everything was up.\n');
  else fail(error, isDebugging);
}
