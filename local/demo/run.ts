import { setTimeout as delay } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import { connectTo, LOCAL_AWS } from '../stack-parts.ts';
import type { Stack } from '../stack.ts';
import type { Terminal } from '../terminal.ts';
import { Account } from './account.ts';
import { expectationOf } from './expectation.ts';
import { generateDemo } from './generate.ts';
import { publishDemo } from './publish.ts';
import { describeProgress, type DemoResult } from './summary.ts';

const PROGRESS_EVERY_MS = 500;
/** The actions lie in the past when they are published: no event is placed after its sending. */
const ACTED_BEFORE_MS = 600_000;

export interface DemoRunOptions {
  readonly seed: number;
  /** Default 120. */
  readonly actions?: number;
  /** Longest wait, after the last message is published, until everything is accounted for, milliseconds. */
  readonly settleTimeoutMs: number;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** Publishes the demo traffic and follows it until all of it is accounted for, or the time is up. */
export async function runDemo(stack: Stack, options: DemoRunOptions): Promise<DemoResult> {
  const { worker, aws, routes, endpoints } = stack;
  if (!worker) throw new Error('the demo needs a worker');
  const { terminal, signal } = options;
  const since = new Date();
  const messages = generateDemo({
    seed: options.seed,
    run: runName(since),
    startMs: since.getTime() - ACTED_BEFORE_MS,
    ...(options.actions !== undefined && { actions: options.actions }),
  });
  const expectation = expectationOf(messages);
  const connection = await connectTo(endpoints.temporal);
  const reporting = new AbortController();
  try {
    const client = new Client({ connection, namespace: endpoints.namespace });
    const account = await Account.open({ client, aws, metricsUrl: worker.metricsUrl, expectation, since });
    let published = 0;
    const report = async () => {
      while (!reporting.signal.aborted) {
        terminal.progress(describeProgress(published, messages.length, await account.progress()));
        await delay(PROGRESS_EVERY_MS, undefined, { signal: reporting.signal }).catch(() => undefined);
      }
    };
    const reports = report();
    await publishDemo(messages, {
      endpoint: { url: aws.url, ...LOCAL_AWS },
      routes,
      signal,
      onPublished: (count) => {
        published = count;
      },
    });
    const missing = await account.settle(options.settleTimeoutMs, signal);
    reporting.abort();
    await reports;
    const [progress, balance] = [await account.progress(), await account.balance()];
    return { expectation, balance, progress, missing, elapsedMs: Date.now() - since.getTime() };
  } finally {
    reporting.abort();
    terminal.endProgress();
    await connection.close();
  }
}

/** Short, and later for later runs, such as `mgwq3k1`. */
export function runName(since: Date): string {
  return Math.floor(since.getTime() / 1000).toString(36);
}
