import { setTimeout as delay } from 'node:timers/promises';
import {
  createHttpSessionsClient,
  describeHoldEnd,
  StreamLimitReachedError,
  type HeldStream,
  type HttpSessionsClient,
} from '../../client/http.ts';
import { describeEnd } from '../../contracts/sessions/session-stream.ts';
import type { SessionPolicy } from '../../contracts/sessions/session-limits.ts';
import type { GatewayAccess } from '../endpoints-file.ts';
import { sessionToken } from '../session-token.ts';
import { DEMO_PLAN } from './session-policy.ts';
import { callSigma } from './sigma-client.ts';

/** What one account went through. */
export interface Scene {
  readonly userId: string;
  /** What happened, in order. */
  readonly story: readonly string[];
  /** What should have happened and did not. */
  readonly fault?: string;
}

export interface PlayersResult {
  readonly scenes: readonly Scene[];
  /** By which they played. */
  readonly policy: SessionPolicy;
  /** Account whose players go on until they are stopped, so that there is something to see. */
  readonly playing: string;
  readonly elapsedMs: number;
}

export interface PlayersOptions {
  readonly gateway: GatewayAccess;
  /** In force on the gateway. */
  readonly policy: SessionPolicy;
  /** Makes the accounts those of this run. */
  readonly run: string;
  /** Aborted: all players stop and give their slots back. */
  readonly signal: AbortSignal;
  /** Told when a stream that goes on after the demo is ended by somebody else. */
  readonly onEnded: (line: string) => void;
}

/** Of a call: slow machines start everything at once here. */
const CALL_TIMEOUT_MS = 60_000;
/** Longest wait for anything that must happen, beyond a lease, milliseconds. */
const PATIENCE_MS = 45_000;
const POLL_MS = 200;
const BEATS = 2;

interface Stage {
  readonly userId: string;
  readonly client: HttpSessionsClient;
  readonly token: () => Promise<string>;
  readonly url: string;
  readonly signal: AbortSignal;
  readonly tell: (line: string) => void;
}

/** Players on the gateway: what becomes of each is the same every time. Ends when all but those that stay have played. */
export class Players {
  readonly #options: PlayersOptions;
  readonly #held: HeldStream[] = [];

  constructor(options: PlayersOptions) {
    this.#options = options;
  }

  async play(): Promise<PlayersResult> {
    const startedAt = performance.now();
    const scenes = await Promise.all([
      this.#scene('alice', (stage) => this.#handOver(stage)),
      this.#scene('bob', crash),
      this.#scene('carol', playAndStop),
      this.#scene('dave', registerAsSigmaDoes),
    ]);
    const playing = scenes[0].userId;
    return { scenes, policy: this.#options.policy, playing, elapsedMs: performance.now() - startedAt };
  }

  /** All give their slots back. */
  async stop(): Promise<void> {
    await Promise.all(this.#held.map((held) => held.release()));
  }

  async #scene(name: string, play: (stage: Stage) => Promise<void>): Promise<Scene> {
    const { gateway, policy, run } = this.#options;
    const userId = `${name}-${run}`;
    const story: string[] = [];
    const token = (): Promise<string> => sessionToken(gateway.jwtSecret, { subject: userId, plan: DEMO_PLAN });
    const client = createHttpSessionsClient({ url: gateway.url, token, timeoutMs: CALL_TIMEOUT_MS });
    const signal = AbortSignal.any([this.#options.signal, AbortSignal.timeout(policy.leaseMs + PATIENCE_MS)]);
    try {
      signal.throwIfAborted();
      const stage = { userId, client, token, signal, url: gateway.url, tell: (line: string) => void story.push(line) };
      await Promise.race([play(stage), aborted(signal)]);
      return { userId, story };
    } catch (error) {
      return { userId, story, fault: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Two play on after it. */
  async #handOver({ userId, client, tell }: Stage): Promise<void> {
    const { signal } = this.#options;
    const hold = async (deviceId: string, contentId: string): Promise<HeldStream> => {
      const deviceType = deviceId.replace(/-.*/, '');
      const held = await client.hold(userId, { deviceId, deviceType, contentId }, { signal });
      this.#held.push(held);
      return held;
    };
    const tv = await hold('tv-1', 'metropolis');
    const phone = await hold('phone-1', 'news');
    tell(`tv-1 and phone-1 were let in: ${phone.granted.active} of ${phone.granted.limit} slots`);

    const refusal = await refusalOf(client.acquire(userId, { deviceId: 'laptop-1' }));
    const inTheWay = refusal.conflicts
      .map(({ deviceId }) => deviceId)
      .toSorted()
      .join(' and ');
    must(inTheWay === 'phone-1 and tv-1', `in the way of laptop-1: ${inTheWay}`);
    tell(`laptop-1 was refused: ${refusal.message}, by ${inTheWay}`);

    await client.evict(userId, { streamIds: [tv.granted.stream.streamId], reason: 'watching on the laptop' });
    const laptop = await hold('laptop-1', 'metropolis');
    const end = await tv.ended;
    must(end.reason === 'evicted', `tv-1 was told ${end.reason}`);
    tell(`the account ended tv-1 and laptop-1 took its slot; the next beat of tv-1 told it: ${describeHoldEnd(end)}`);
    void this.#watch(userId, 'phone-1', phone);
    void this.#watch(userId, 'laptop-1', laptop);
  }

  async #watch(userId: string, device: string, { ended }: HeldStream): Promise<void> {
    const end = await ended;
    if (end.reason === 'released') return;
    this.#options.onEnded(`${userId}: ${device} was told to stop: ${describeHoldEnd(end)}`);
  }
}

/** A player that dies without a word. */
async function crash({ userId, client, signal, tell }: Stage): Promise<void> {
  const { stream } = await client.acquire(userId, { deviceId: 'tv-1' });
  const [beat] = await client.heartbeat(userId, stream.streamId);
  const lastBeatAt = performance.now();
  must(beat?.alive === true, 'the beat of tv-1 was refused');
  for (;;) {
    const { active, ended } = await client.list(userId);
    const end = ended.find(({ streamId }) => streamId === stream.streamId);
    if (active.length === 0 && end) {
      must(end.end.reason === 'expired', `tv-1 ended otherwise: ${describeEnd(end.end)}`);
      const seconds = ((performance.now() - lastBeatAt) / 1_000).toFixed(1);
      tell(`tv-1 crashed; its slot was free ${seconds} s after its last beat`);
      return;
    }
    await delay(POLL_MS, undefined, { signal });
  }
}

async function playAndStop({ userId, client, signal, tell }: Stage): Promise<void> {
  let beats = 0;
  const { promise: played, resolve: stop } = Promise.withResolvers<undefined>();
  const onLease = (): void => {
    beats += 1;
    if (beats === BEATS) stop(undefined);
  };
  const held = await client.hold(userId, { deviceId: 'phone-1', contentId: 'felix' }, { signal, onLease });
  await played;
  await held.release();
  const { ended } = await client.list(userId);
  must(ended[0]?.end.reason === 'released', 'the end of phone-1 is not remembered');
  tell(`phone-1 played for ${BEATS} beats, each with a fresh lease for the CDN, and gave its slot back`);
}

/** The same stream counts once for each registration. */
async function registerAsSigmaDoes({ userId, token, url, signal, tell }: Stage): Promise<void> {
  const call = async (method: 'PUT' | 'DELETE') =>
    callSigma({ url, userId, token: await token(), signal }, method, 'film');
  const [first, second, third] = [await call('PUT'), await call('PUT'), await call('PUT')];
  must(first.status === 200 && second.streams.length === 2, `two PUTs were answered ${first.status}, ${second.status}`);
  must(third.status === 403, `a third PUT was answered ${third.status}`);
  tell(`a Sigma client registered a stream twice and got 403 the third time: ${third.error ?? ''}`);
  const freed = await call('DELETE');
  const again = await call('PUT');
  must(freed.streams.length === 1 && again.status === 200, `after a DELETE, a PUT was answered ${again.status}`);
  tell('after a DELETE its next PUT was let in');
  await call('DELETE');
  await call('DELETE');
}

async function refusalOf(acquire: Promise<unknown>): Promise<StreamLimitReachedError> {
  try {
    await acquire;
  } catch (error) {
    if (error instanceof StreamLimitReachedError) return error;
    throw error;
  }
  throw new Error('one stream more than the cap was let in');
}

function must(isSo: boolean, otherwise: string): asserts isSo {
  if (!isSo) throw new Error(otherwise);
}

async function aborted(signal: AbortSignal): Promise<never> {
  return await new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('it took too long')), { once: true });
  });
}
