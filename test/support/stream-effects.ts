import assert from 'node:assert/strict';
import { eventually } from './eventually.ts';
import type { RunningStack } from './running-stack.ts';

/** Effects of committed writes by name, those that did not happen left out. */
export type Effects = Readonly<Record<string, number>>;

/** What the Stream server has written so far, or since an earlier reading. */
export async function effectsOf({ stack }: Pick<RunningStack, 'stack'>, since: Effects = {}): Promise<Effects> {
  return await readEffects(stack.endpoints.stream.url, since);
}

export async function readEffects(streamUrl: string, since: Effects = {}): Promise<Effects> {
  const stats: unknown = await (await fetch(`${streamUrl}/_control/stats`)).json();
  const all: object = Object(Reflect.get(Object(stats), 'effects'));
  const changes = Object.entries(all).map(([name, value]): [string, number] => [
    name,
    Number(value) - (since[name] ?? 0),
  ]);
  return Object.fromEntries(changes.filter(([, value]) => value !== 0));
}

/** Writes that had no answer and are still to be carried out. */
export async function pendingLateCommits(streamUrl: string): Promise<number> {
  const stats: unknown = await (await fetch(`${streamUrl}/_control/stats`)).json();
  return Number(Reflect.get(Object(Reflect.get(Object(stats), 'lateCommits')), 'pending'));
}

/** Resolves once all of them were; until then nothing on the server is final. */
export async function noLateCommits(streamUrl: string): Promise<void> {
  await eventually(async () => assert.equal(await pendingLateCommits(streamUrl), 0), { timeoutMs: 60_000 });
}
