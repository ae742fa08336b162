import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { StreamLimitReachedError } from '../../client/session-errors.ts';
import { createSessionsClient } from '../../client/sessions.ts';
import { DEFAULT_SESSION_POLICY } from '../../contracts/sessions/session-limits.ts';
import { freePort } from '../../local/ports.ts';
import { startWorkerProcess, type WorkerProcess } from '../../local/worker-process.ts';
import { whyNoRedis } from '../support/redis-server.ts';
import { skipWhereMissing } from '../support/skip-where-missing.ts';
import { startGateways, TOKEN_SETTINGS, type GatewayFixture } from './support/gateways.ts';
import { Player, streamIdOf } from './support/player.ts';
import { startSharedStore, type SharedStore } from './support/shared-store.ts';

const ACQUIRES = 200;
const NOWHERE = 'http://127.0.0.1:9';
/** One account takes ten calls at a time: on a slow machine the last ones wait long. */
const TIMEOUT_MS = 60_000;

describe('200 acquires at once, with a limit of three', function () {
  this.timeout(180_000);
  let store: SharedStore;
  let fixture: GatewayFixture;
  let mortal: WorkerProcess | undefined;
  const urls: string[] = [];

  before(async function () {
    this.timeout(900_000);
    skipWhereMissing(this, whyNoRedis());
    store = await startSharedStore();
    fixture = await startGateways();
    const settings = {
      ...store.settings,
      GATEWAY_CALL_TIMEOUT_MS: `${TIMEOUT_MS}`,
      // All of it is one user, and a 429 would say nothing of the race.
      LIMIT_USER_BURST: '10000',
      LIMIT_USER_PER_MINUTE: '60000',
    };
    const port = await freePort();
    mortal = await startWorkerProcess({
      temporalAddress: fixture.address,
      namespace: fixture.namespace,
      awsUrl: NOWHERE,
      stream: { url: NOWHERE, apiKey: '', apiSecret: '', appId: '' },
      roles: 'gateway',
      env: { ...settings, GATEWAY_ADDRESS: `127.0.0.1:${port}`, ...TOKEN_SETTINGS },
    });
    const alive = await Promise.all([1, 2].map(() => fixture.startGateway(settings)));
    await mortal.ready();
    urls.push(`http://127.0.0.1:${port}`, ...alive.map(({ url }) => url));
  });
  after(async () => {
    mortal?.kill('SIGKILL');
    await mortal?.exited;
    await fixture?.stop();
    await store?.stop();
  });

  it('grants exactly three through three gateways and directly, though one is killed; retries get the same stream', async () => {
    const userId = randomUUID();
    const sessions = createSessionsClient({
      client: fixture.client,
      policy: DEFAULT_SESSION_POLICY,
      timeoutMs: TIMEOUT_MS,
    });
    const granted = new Set<string>();
    const answers = Array.from({ length: ACQUIRES }, async (_, index) => {
      if (index === ACQUIRES / 4) mortal?.kill('SIGKILL');
      return index % 4 === 3 ? await directly(index) : await overHttp(index);
    });
    const outcomes = await Promise.all(answers);
    assert.equal(outcomes.filter((outcome) => outcome === 'granted').length, 3);
    assert.equal(granted.size, 3);
    assert.equal(outcomes.filter((outcome) => outcome === 'refused').length, ACQUIRES - 3);
    const view = await sessions.list(userId);
    assert.deepEqual(new Set(view.active.map(({ streamId }) => streamId)), granted);

    async function directly(index: number): Promise<'granted' | 'refused'> {
      try {
        const { stream } = await sessions.acquire(userId, {
          streamId: `s${index}`,
          deviceId: `d${index}`,
          mode: 'watched',
        });
        granted.add(stream.streamId);
        return 'granted';
      } catch (error) {
        assert(error instanceof StreamLimitReachedError, String(error));
        return 'refused';
      }
    }

    /** Tried again with the same key at the next gateway, as after a lost answer, and once more when it was granted. */
    async function overHttp(index: number): Promise<'granted' | 'refused'> {
      const key = { 'idempotency-key': `key-${index}` };
      const wish = { deviceId: `d${index}` };
      for (let attempt = 0; attempt < 20; attempt++) {
        const player = new Player(urls[(index + attempt) % urls.length] ?? '', userId);
        const answer = await player.acquire(wish, key).catch(() => undefined);
        if (answer?.status === 409) return 'refused';
        if (answer?.status === 201) {
          const again = await new Player(urls[1] ?? '', userId).acquire(wish, key);
          assert.deepEqual([again.status, streamIdOf(again)], [201, streamIdOf(answer)]);
          granted.add(streamIdOf(answer));
          return 'granted';
        }
        assert.ok(answer === undefined || answer.status === 503, `${answer?.status}`);
      }
      throw new Error(`acquire ${index} was never answered`);
    }
  });
});
