import { randomUUID } from 'node:crypto';
import { createHttpSessionsClient } from '../../client/http-sessions.ts';
import { inLanes } from './lanes.ts';
import { accessToken } from './tokens.ts';

/** How a player beats. */
export interface BeatRequest {
  readonly userId: string;
  readonly path: string;
  readonly token: string;
}

/** Streams of as many users, through this gateway. */
export async function acquireStreams(url: string, count: number): Promise<BeatRequest[]> {
  const players: BeatRequest[] = [];
  await inLanes(Array(count).keys(), 20, async () => {
    const userId = randomUUID();
    const token = accessToken(userId);
    const { stream } = await createHttpSessionsClient({ url, token }).acquire(userId, { deviceId: 'tv-1' });
    players.push({ userId, path: `/v1/users/${userId}/streams/${stream.streamId}/heartbeat`, token });
  });
  return players;
}

/** @throws Error when the stream is not alive there */
export async function beatOnce(url: string, player: BeatRequest | undefined): Promise<unknown> {
  if (!player) throw new Error('there is no stream');
  const headers = { authorization: `Bearer ${player.token}` };
  const response = await fetch(url + player.path, { method: 'POST', headers });
  const body = await response.text();
  if (!response.ok) throw new Error(`a beat was answered with ${response.status}: ${body}`);
  return JSON.parse(body);
}
