import { backoffMs } from '../../../contracts/shared/backoff.ts';
import type { FailureScope } from '../../../bridge/start-failure.ts';
import { StartJudge, type Startable, type StartState } from '../../../bridge/start-judge.ts';

/** How starts go in a simulated world; times are milliseconds since its beginning. */
export interface World {
  /** When messages are received. */
  readonly arrivalsMs: readonly number[];
  /** What an attempt to start the n-th message ends with; undefined is a success. */
  readonly attempt: (message: number, nowMs: number) => FailureScope | undefined;
  readonly probe?: (nowMs: number) => boolean;
  readonly untilMs: number;
}

export interface Course {
  readonly startedMs: ReadonlyMap<number, number>;
  readonly gaveUpMs: ReadonlyMap<number, number>;
  readonly states: readonly { readonly atMs: number; readonly state: StartState }[];
  readonly unreadyMs: number;
}

const PROBE_EVERY_MS = 5_000;
const BACKOFF = { initialMs: 500, maximumMs: 10_000 };

/** Plays a world to a judge as the bridge does, in no time; retries do not wait for their turn, which is harder. */
export function play({ arrivalsMs, attempt, probe, untilMs }: World): Course {
  const judge = new StartJudge({ canProbe: probe !== undefined });
  const [startedMs, gaveUpMs] = [new Map<number, number>(), new Map<number, number>()];
  const states: { atMs: number; state: StartState }[] = [];
  let unreadyMs = 0;
  const agenda: { atMs: number; act: () => void }[] = [];
  const at = (atMs: number, act: () => void) => {
    const later = agenda.findIndex((entry) => entry.atMs > atMs);
    agenda.splice(later < 0 ? agenda.length : later, 0, { atMs, act });
  };
  const tryToStart = (index: number, message: Startable, failures: number, nowMs: number) => {
    const scope = attempt(index, nowMs);
    if (scope === undefined) {
      judge.succeeded(message, nowMs);
      startedMs.set(index, nowMs);
    } else if (judge.failed(message, scope, nowMs).giveUp) gaveUpMs.set(index, nowMs);
    else {
      const next = nowMs + backoffMs(BACKOFF, failures + 1, () => 0.5);
      return at(next, () => tryToStart(index, message, failures + 1, next));
    }
    judge.settled(message, nowMs);
  };
  for (const [index, atMs] of arrivalsMs.entries())
    at(atMs, () => tryToStart(index, { messageId: String(index) }, 0, atMs));
  for (let atMs = 0; atMs < untilMs; atMs += PROBE_EVERY_MS)
    at(atMs, () => probe && judge.failing > 0 && judge.probed(probe(atMs), atMs, atMs));
  let lastMs = 0;
  for (let entry = agenda.shift(); entry && entry.atMs < untilMs; entry = agenda.shift()) {
    if (!judge.ready(entry.atMs)) unreadyMs += entry.atMs - lastMs;
    lastMs = entry.atMs;
    entry.act();
    if (states.at(-1)?.state !== judge.state) states.push({ atMs: entry.atMs, state: judge.state });
  }
  return { startedMs, gaveUpMs, states, unreadyMs };
}
