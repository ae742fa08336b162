/** Players of many accounts: they acquire, beat every so often, and come back after an outage. */
import { setTimeout as sleep } from 'node:timers/promises';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { inLanes } from '../lanes.ts';
import { serveCalls } from '../load-process.ts';
import { spreadOf } from '../statistics.ts';
import { accessToken } from '../tokens.ts';
import { call, type Answer } from './http-call.ts';

interface Player {
  readonly path: string;
  readonly token: string;
}

const acquireOptions = z.object({
  url: z.string(),
  users: z.array(z.string()),
  streams: z.int(),
  lanes: z.int(),
  /** Each stream beats from when it is acquired. */
  beatEveryMs: z.int().optional(),
});
const beatEachOptions = z.object({ url: z.string(), beatEveryMs: z.int() });
const beatOptions = z.object({ url: z.string(), intervalMs: z.int() });
const stormOptions = z.object({ url: z.string(), withinMs: z.int() });

const TICK_MS = 50;
const players: Player[] = [];
let timer: NodeJS.Timeout | undefined;
let timers: NodeJS.Timeout[] = [];
const underWay = new Set<Promise<number>>();
let counts = { beats: 0, over: 0, failed: 0 };
let latencies: number[] = [];

serveCalls({
  async acquire(params) {
    const { url, users, streams, lanes, beatEveryMs } = acquireOptions.parse(params);
    const times: number[] = [];
    const begun = performance.now();
    await inLanes(users, lanes, async (userId) => {
      const token = accessToken(userId);
      for (let index = 0; index < streams; index += 1) {
        const asked = performance.now();
        players.push(await acquire(url, userId, token, `device-${index}`));
        times.push(performance.now() - asked);
        if (beatEveryMs !== undefined) keepBeating(url, players.length - 1, beatEveryMs);
      }
    });
    return { seconds: (performance.now() - begun) / 1_000, ...spreadOf(times) };
  },
  /** From now on, spread evenly over the interval. */
  beat(params) {
    const { url, intervalMs } = beatOptions.parse(params);
    [counts, latencies] = [{ beats: 0, over: 0, failed: 0 }, []];
    const begun = performance.now();
    let sent = 0;
    timer = setInterval(() => {
      const due = ((performance.now() - begun) / intervalMs) * players.length;
      for (; sent < due; sent += 1) void beat(url, sent % players.length);
    }, TICK_MS);
  },
  /** From now on, each once in an interval, from a moment of its own on. */
  beatEach(params) {
    const { url, beatEveryMs } = beatEachOptions.parse(params);
    [counts, latencies] = [{ beats: 0, over: 0, failed: 0 }, []];
    for (const index of players.keys()) keepBeating(url, index, beatEveryMs);
  },
  counts: () => ({ ...counts, ...spreadOf(latencies) }),
  async pause() {
    clearInterval(timer);
    for (const each of timers) clearTimeout(each);
    timers = [];
    await Promise.all(underWay);
  },
  /** All of them at once, each until it is answered. */
  async storm(params) {
    const { url, withinMs } = stormOptions.parse(params);
    const begun = performance.now();
    const answers = { answered: 0, withoutLease: 0, over: 0, unanswered: 0, retries: 0 };
    const times: number[] = [];
    await Promise.all(
      players.map(async (player) => {
        for (;;) {
          const { status, body } = await answerOf(url, player);
          if (status === 200) {
            answers.answered += 1;
            if (!body.includes('"lease"')) answers.withoutLease += 1;
          } else if (status === 410) answers.over += 1;
          else if (performance.now() - begun > withinMs) answers.unanswered += 1;
          else {
            answers.retries += 1;
            await sleep(200 + Math.random() * 800);
            continue;
          }
          times.push(performance.now() - begun);
          return;
        }
      }),
    );
    return { ...answers, ...spreadOf(times) };
  },
});

/** Tried again until it is granted: the same stream id and key make the same stream. */
async function acquire(url: string, userId: string, token: string, deviceId: string): Promise<Player> {
  const streamId = randomUUID();
  const path = `/v1/users/${userId}/streams`;
  const body = JSON.stringify({ streamId, deviceId });
  for (let tries = 1; ; tries += 1) {
    const answer = await call(url, { method: 'POST', path, token, body }, 30_000).catch(() => undefined);
    if (answer?.status === 201) return { path: `${path}/${streamId}/heartbeat`, token };
    if (tries === 10) throw new Error(`no stream: ${answer?.status ?? 'no answer'} ${answer?.body ?? ''}`);
    await sleep(500);
  }
}

async function beat(url: string, index: number): Promise<void> {
  const player = players[index];
  if (!player) return;
  const asked = performance.now();
  const answer = answerOf(url, player).then(({ status }) => status);
  underWay.add(answer);
  const status = await answer;
  underWay.delete(answer);
  counts.beats += 1;
  if (status === 200) latencies.push(performance.now() - asked);
  else if (status === 410) counts.over += 1;
  else counts.failed += 1;
}

function keepBeating(url: string, index: number, everyMs: number): void {
  const beatAndWait = (): void => {
    void beat(url, index);
    timers[index] = setTimeout(beatAndWait, everyMs);
  };
  timers[index] = setTimeout(beatAndWait, Math.random() * everyMs);
}

async function answerOf(url: string, { path, token }: Player): Promise<Answer> {
  const answer = await call(url, { method: 'POST', path, token }, 30_000).catch(() => undefined);
  return answer ?? { status: 0, body: '' };
}
