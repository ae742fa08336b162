import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { createSessionsClient } from '../../../client/sessions.ts';
import { streamSessionsWorkflowId } from '../../../contracts/sessions/stream-sessions.ts';
import { Random } from '../../../local/random.ts';
import { startToxiproxy } from '../toxiproxy.ts';
import { AccountRecord } from './account-record.ts';
import { DirectDoor, GatewayDoor, Tally } from './doors.ts';
import { SessionsInjector } from './injector.ts';
import { waitForFreeSlots } from './leaks.ts';
import type { SessionsChaosOptions } from './options.ts';
import { planSessionFaults } from './plan.ts';
import { Player } from './player.ts';
import { POLICY } from './policy.ts';
import { playSigma, sigmaRecord, type SigmaRecord } from './sigma.ts';
import { startSessionsStack, type SessionsStack } from './stack.ts';
import { suspects, type SessionsFacts } from './verdict.ts';

const READY_MS = 120_000;
const ACCOUNT_MS = [7_000, 12_000] as const;
const CALLERS = [3, 5] as const;
const STEADY_ACCOUNTS = 3;
const STEADY_PLAYERS = 2;
const DIRECT_TIMEOUT_MS = 8_000;

/** One run: accounts that are used under faults, healing, and the facts to judge it by. */
export async function runSessionsChaos(
  options: SessionsChaosOptions,
  onEvent: (line: string) => void,
): Promise<SessionsFacts> {
  const skipped: string[] = [];
  const toxiproxy = await startToxiproxy(options.buildToxiproxy, skipped);
  const stack = await startSessionsStack(toxiproxy, onEvent);
  try {
    await allReady(stack);
    onEvent(`all processes are ready; faults for ${options.faultMs / 1000} s`);
    const connection = await Connection.connect({ address: stack.temporal.address });
    try {
      const client = new Client({ connection });
      const injector = new SessionsInjector({ stack, onEvent, ...(toxiproxy ? { toxiproxy } : {}) });
      const crowd = new Crowd(options, stack, client);
      const begun = performance.now();
      const busy = crowd.play(begun + options.faultMs);
      await injector.run(planSessionFaults(options));
      await busy;
      await injector.heal();
      await allReady(stack);
      onEvent('the faults are over; waiting until only those who beat have slots');
      if (injector.skipped > 0) skipped.push(`${injector.skipped} network faults`);
      const leaks = await waitForFreeSlots(crowd.accounts, crowd.sessions, performance.now(), options.healMs);
      await keepHistories(client, [...leaks.stuck, ...suspects(crowd.accounts)], onEvent);
      await crowd.stop();
      await Promise.all([...stack.slots.values()].map((slot) => slot.stop()));
      const { accounts, sigma, tally } = crowd;
      const lives = [...stack.slots.values()].flatMap((slot) => slot.lives);
      return { seed: options.seed, accounts, sigma, tally, leaks, lives, injected: injector.injected, skipped };
    } finally {
      await connection.close();
    }
  } finally {
    await stack.stop();
    await toxiproxy?.stop();
  }
}

/** Of accounts that did not come to rest, or are not explained: what a replay needs to tell why. */
async function keepHistories(client: Client, users: readonly string[], onEvent: (line: string) => void): Promise<void> {
  for (const userId of users) {
    const file = path.join(tmpdir(), `${userId}.json`);
    const history = await client.workflow.getHandle(streamSessionsWorkflowId(userId)).fetchHistory();
    await writeFile(file, JSON.stringify(history, undefined, 1));
    onEvent(`history kept in ${file}`);
  }
}

async function allReady(stack: SessionsStack): Promise<void> {
  await Promise.all([...stack.slots.values()].map((slot) => slot.ready(READY_MS)));
}

/** All accounts of a run: in each lane one after the other, and beside them a few that play from its start to its end. */
class Crowd {
  readonly accounts: AccountRecord[] = [];
  readonly sigma: SigmaRecord[] = [];
  readonly tally = new Tally();
  readonly sessions;
  readonly #options: SessionsChaosOptions;
  readonly #doors;
  readonly #steady = new AbortController();
  #playing: Promise<unknown> = Promise.resolve();

  constructor(options: SessionsChaosOptions, stack: SessionsStack, client: Client) {
    this.#options = options;
    this.sessions = createSessionsClient({ client, policy: POLICY, timeoutMs: DIRECT_TIMEOUT_MS });
    this.#doors = {
      gateways: Array.from(stack.urls, ([name, url]) => new GatewayDoor(name, url, this.tally)),
      direct: new DirectDoor(this.sessions, this.tally),
    };
  }

  /** Until then; only the steady ones go on. */
  async play(untilMs: number): Promise<void> {
    const { lanes } = this.#options;
    this.#playing = Promise.all(Array.from({ length: STEADY_ACCOUNTS }, (_, index) => this.#playSteadily(index)));
    // Both are looked at in the end; no rejection may be nobody's until then.
    void this.#playing.catch(() => undefined);
    await Promise.all(Array.from({ length: lanes }, (_, lane) => this.#playLane(lane, untilMs)));
  }

  async stop(): Promise<void> {
    this.#steady.abort();
    await this.#playing;
  }

  async #playLane(lane: number, untilMs: number): Promise<void> {
    const random = new Random(this.#options.seed * 1_000 + lane);
    while (performance.now() < untilMs - 1_000) {
      const endMs = Math.min(untilMs, performance.now() + random.between(...ACCOUNT_MS));
      if (lane % 6 === 5) await this.#playSigmaAccount(random, endMs);
      else await this.#playAccount(random, endMs);
    }
  }

  async #playAccount(random: Random, untilMs: number): Promise<void> {
    const record = new AccountRecord(`user-${randomUUID()}`, random.pick(['two', 'three']));
    this.accounts.push(record);
    const players = Array.from({ length: random.between(...CALLERS) }, () => {
      const own = new Random(random.between(0, 2 ** 31));
      return new Player({ record, doors: this.#doors, random: own, untilMs }).run();
    });
    await Promise.all(players);
  }

  async #playSigmaAccount(random: Random, untilMs: number): Promise<void> {
    const record = sigmaRecord(`sigma-${randomUUID()}`, random.pick(['two', 'three']));
    this.sigma.push(record);
    const clients = Array.from({ length: 3 }, () => {
      const own = new Random(random.between(0, 2 ** 31));
      return playSigma(record, this.#doors.gateways, own, untilMs);
    });
    await Promise.all(clients);
  }

  async #playSteadily(index: number): Promise<void> {
    const record = new AccountRecord(`steady-${randomUUID()}`, 'three');
    this.accounts.push(record);
    const players = Array.from({ length: STEADY_PLAYERS }, (_, player) => {
      const random = new Random(this.#options.seed * 1_000 + 500 + STEADY_PLAYERS * index + player);
      const steady = this.#steady.signal;
      return new Player({ record, doors: this.#doors, random, untilMs: Infinity, steady }).run();
    });
    await Promise.all(players);
  }
}
