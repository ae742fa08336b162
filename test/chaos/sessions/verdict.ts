import { isLinearizable, UndecidedError } from '../../sessions/support/linearizability.ts';
import { sessionModel } from '../../sessions/support/session-model.ts';
import { exposures, type ProcessLife } from '../accounting.ts';
import type { AccountRecord } from './account-record.ts';
import type { Tally } from './doors.ts';
import { falseEndsOf, historyOf } from './history.ts';
import type { LeakReport } from './leaks.ts';
import { capOf, POLICY } from './policy.ts';
import { sigmaModel, type SigmaRecord } from './sigma.ts';

export interface SessionsFacts {
  readonly seed: number;
  readonly accounts: readonly AccountRecord[];
  readonly sigma: readonly SigmaRecord[];
  readonly tally: Tally;
  readonly leaks: LeakReport;
  readonly lives: readonly ProcessLife[];
  readonly injected: Readonly<Record<string, number>>;
  readonly skipped: readonly string[];
}

export interface SessionsVerdict {
  /** Everything that makes the run a failure, in words. */
  readonly faults: readonly string[];
  readonly histories: number;
}

/** Far beyond what histories of this size need; more means that too many answers are missing to say anything. */
const MOST_CONFIGURATIONS = 300_000;

/** What the facts of a run come to. */
export function judgeSessions(facts: SessionsFacts): SessionsVerdict {
  const { accounts, sigma, tally, leaks, lives } = facts;
  const faults = [
    ...accounts.flatMap((record) => [...unexplained(record), ...record.tooMany]),
    ...sigma.flatMap((record) => [...unexplainedSigma(record), ...record.tooMany]),
    ...accounts.flatMap(falseEndsOf).map((text) => `false end: ${text}`),
    ...accounts.flatMap(twoStreams),
    ...leaks.faults.map((text) => `leak: ${text}`),
    ...tally.strange.map((text) => `undeclared answer: ${text}`),
    ...exposures(lives),
    ...lives.filter(({ end }) => end === 'died').map(({ name, pid }) => `${name} (${pid}) died by itself`),
  ];
  return { faults, histories: accounts.length + sigma.length };
}

/** @returns a fault, when no order of its calls explains their answers */
export function unexplained(record: AccountRecord): string[] {
  const history = historyOf(record);
  const model = sessionModel(record.cap, POLICY.overLimit);
  const faults = decide(record.userId, history, () => isLinearizable(model, history, MOST_CONFIGURATIONS));
  return faults.map((fault) => `${fault}\n${describeAnswers(record)}`);
}

/** Accounts whose histories tell more than what was seen from outside. */
export function suspects(accounts: readonly AccountRecord[]): readonly string[] {
  return accounts.flatMap((record) =>
    unexplained(record).length + falseEndsOf(record).length > 0 ? [record.userId] : [],
  );
}

/** When each stream was alive, and as long as that was proved. */
function describeAnswers({ streams }: AccountRecord): string {
  const stories = [...streams.values()].map(({ device, streamIds, alive, told }) => {
    const spans = alive.map(
      ({ invokedAt, returnedAt, keptForMs, door }) =>
        `${Math.round(invokedAt)}-${Math.round(returnedAt)} ${door} ${keptForMs ?? 'unproven'}`,
    );
    return `    ${device} (${[...streamIds].join()}): ${spans.join(', ')}; ${JSON.stringify(told ?? 'not told')}`;
  });
  return stories.join('\n');
}

export function unexplainedSigma({ userId, plan, operations }: SigmaRecord): string[] {
  const model = sigmaModel(capOf(plan));
  return decide(userId, operations, () => isLinearizable(model, operations, MOST_CONFIGURATIONS));
}

function decide(userId: string, history: readonly object[], check: () => boolean): string[] {
  try {
    if (check()) return [];
    return [`over the cap or out of order: no order of its calls explains ${userId}: ${describeHistory(history)}`];
  } catch (error) {
    if (!(error instanceof UndecidedError)) throw error;
    return [`undecided: ${userId}: ${error.message}: ${describeHistory(history)}`];
  }
}

function describeHistory(history: readonly object[]): string {
  const rounded = (_: string, value: unknown): unknown => (typeof value === 'number' ? Math.round(value) : value);
  return `\n${history.map((operation) => `    ${JSON.stringify(operation, rounded)}`).join('\n')}`;
}

function twoStreams({ userId, streams }: AccountRecord): string[] {
  const several = [...streams.values()].filter(({ streamIds }) => streamIds.size > 1);
  return several.map(
    ({ device, streamIds }) => `one key, several streams: ${userId}/${device}: ${[...streamIds].join()}`,
  );
}

/** The report of a run, line by line. */
export function describeSessionsRun(facts: SessionsFacts, { faults, histories }: SessionsVerdict): string {
  const { seed, accounts, sigma, tally, leaks, lives, injected, skipped } = facts;
  const operations = [...accounts, ...sigma].reduce((sum, { operations }) => sum + operations.length, 0);
  const unanswered = [...accounts, ...sigma].flatMap((record): unknown[] =>
    record.operations.filter(({ output }: { output: unknown }) => output === undefined),
  ).length;
  const stories = accounts.flatMap(({ streams }) => [...streams.values()]);
  const granted = stories.filter(({ streamIds }) => streamIds.size > 0).length;
  const beats = stories.reduce((sum, { alive }) => sum + alive.length, 0);
  const told = new Map<string, number>();
  for (const { told: end } of stories) if (end) told.set(end.end.reason, (told.get(end.end.reason) ?? 0) + 1);
  return [
    `seed ${seed}: ${histories} histories (${sigma.length} of Sigma's API), ${operations} calls that change or read, ${unanswered} of them unanswered`,
    `streams granted ${granted}, told to be alive ${beats} times, told to be over: ${list(Object.fromEntries(told))}`,
    `answers: ${list(Object.fromEntries([...tally.counts].toSorted(([left], [right]) => left.localeCompare(right))))}`,
    `processes killed ${lives.filter(({ end }) => end === 'killed').length}; injected: ${list(injected)}`,
    `after the faults ${leaks.foundTaken} slots were taken by crashed players, free ${(leaks.worstMs / 1000).toFixed(1)} s after at worst`,
    ...skipped.map((reason) => `skipped: ${reason}`),
    ...(faults.length === 0 ? ['all is well'] : faults.map((fault) => `FAULT ${fault}`)),
  ].join('\n');
}

function list(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
  return parts.join(', ') || 'none';
}
