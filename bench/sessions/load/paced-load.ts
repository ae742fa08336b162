/** Well-behaved clients at a fixed rate: what is answered late does not slow down what comes after it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { serveCalls } from '../load-process.ts';
import { spreadOf } from '../statistics.ts';
import { accessToken } from '../tokens.ts';
import { call } from './http-call.ts';

const stream = z.object({ path: z.string(), token: z.string() });
const options = z.object({
  url: z.string(),
  seconds: z.number(),
  beatsPerSecond: z.number(),
  acquiresPerSecond: z.number().default(0),
});
let streams: z.output<typeof stream>[] = [];

serveCalls({
  streams(params) {
    streams = z.array(stream).parse(params);
  },
  async run(params) {
    const { url, seconds, beatsPerSecond, acquiresPerSecond } = options.parse(params);
    const beats: number[] = [];
    const acquires: number[] = [];
    let failed = 0;
    const timed = async (dueMs: number, times: number[], act: () => Promise<boolean>): Promise<void> => {
      const ok = await act().catch(() => false);
      if (ok) times.push(performance.now() - dueMs);
      else failed += 1;
    };
    await Promise.all([
      paced(beatsPerSecond, seconds, (dueMs, turn) => timed(dueMs, beats, () => beat(url, turn))),
      paced(acquiresPerSecond, seconds, (dueMs) => timed(dueMs, acquires, () => acquire(url))),
    ]);
    return { failed, beats: spreadOf(beats), acquires: spreadOf(acquires) };
  },
});

async function paced(
  perSecond: number,
  seconds: number,
  act: (dueMs: number, turn: number) => Promise<void>,
): Promise<void> {
  const begun = performance.now();
  const underWay: Promise<void>[] = [];
  for (let turn = 0; turn < perSecond * seconds; turn += 1) {
    const dueMs = begun + (turn * 1_000) / perSecond;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    underWay.push(act(dueMs, turn));
  }
  await Promise.all(underWay);
}

async function beat(url: string, turn: number): Promise<boolean> {
  const { path = '', token = '' } = streams[turn % streams.length] ?? {};
  return (await call(url, { method: 'POST', path, token })).status === 200;
}

/** A slot on a fresh account, given back without being timed. */
async function acquire(url: string): Promise<boolean> {
  const [userId, streamId] = [randomUUID(), randomUUID()];
  const path = `/v1/users/${userId}/streams`;
  const token = accessToken(userId);
  const { status } = await call(url, {
    method: 'POST',
    path,
    token,
    body: JSON.stringify({ streamId, deviceId: 'tv-1' }),
  });
  void call(url, { method: 'DELETE', path: `${path}/${streamId}`, token }).catch(() => undefined);
  return status === 201;
}
