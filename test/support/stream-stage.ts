import type { StreamClient } from 'getstream';
import { connectToGetStream } from '../../activities/getstream-client.ts';
import { createStreamActivities } from '../../activities/stream-activities.ts';
import type { EventPolicy } from '../../contracts/events/event-policy.ts';
import { eventStatusKey } from '../../contracts/shared/search-attributes.ts';
import type { SocialEvent } from '../../contracts/events/social-event.ts';
import { startStreamServer } from '../../local/stream/server.ts';
import { createEventDirectory } from '../../workers/event-directory.ts';
import { startEventWorker, type EventWorkerFixture } from './event-worker.ts';
import { eventually } from './eventually.ts';

/** How long the Stream client of the worker waits for an answer, milliseconds. */
const ANSWER_TIMEOUT_MS = 2_000;
/** When GetStream carries out what it was given under `commitLate`, milliseconds: after the client gave up. */
export const LATE_MS = 6_000;

/** Windows in the proportions of the defaults, brought down to what a test can wait for. */
export const STAGE_POLICY: Partial<EventPolicy> = {
  fastAttemptTimeoutMs: 3_000,
  attemptTimeoutMs: 5_000,
  retryInitialMs: 50,
  retryMaximumMs: 200,
  retryBudgetMs: 3_000,
  compensationBudgetMs: 2_000,
  lateCommitMs: 7_000,
  parentWaitMs: 1_500,
  resumedLingerMs: 8_000,
  overtakenLingerMs: 500,
};

/** A fault of the Stream server, see `docs/stream-server.md`. */
export interface Fault {
  readonly match: { readonly method?: string; readonly path?: string; readonly query?: string; readonly body?: string };
  readonly fault: 'error' | 'rateLimited' | 'delay' | 'commitThenHang' | 'commitLate' | 'partialCopy';
  readonly status?: number;
  readonly echoes?: boolean;
  readonly delayMs?: number;
  readonly copied?: number;
  readonly retryAfterMs?: number;
  readonly times?: number;
}

/** A worker of events on a Stream server of its own, both real, with faults between them. */
export interface StreamStage {
  readonly fixture: EventWorkerFixture;
  /** Reads what GetStream shows. */
  readonly client: StreamClient;
  start(
    event: SocialEvent,
    policy?: Partial<EventPolicy>,
  ): ReturnType<ReturnType<EventWorkerFixture['starter']>['start']>;
  /** Adds faults; those of tests that run at the same time must match ids of their own. */
  fault(...faults: readonly Fault[]): Promise<void>;
  clearFaults(): Promise<void>;
  statusOf(event: SocialEvent): Promise<string | undefined>;
  isParked(event: SocialEvent): Promise<void>;
  /** Resolves when the current run of the event's workflow is closed, whatever way. */
  isClosed(event: SocialEvent): Promise<void>;
  stop(): Promise<void>;
}

export async function startStreamStage(): Promise<StreamStage> {
  const server = await startStreamServer({ port: 0, apiKey: 'key', apiSecret: 'secret', rateLimits: false });
  const clientWith = (timeoutMs: number): StreamClient =>
    connectToGetStream({ apiKey: 'key', apiSecret: 'secret', url: server.url, timeoutMs });
  const clients = { quick: clientWith(ANSWER_TIMEOUT_MS), patient: clientWith(ANSWER_TIMEOUT_MS) };
  const events = { stateOf: (id: string) => createEventDirectory(fixture.client).stateOf(id) };
  const fixture = await startEventWorker(createStreamActivities(clients, events));
  const statusOf = async (event: SocialEvent): Promise<string | undefined> =>
    (await fixture.handle(event).describe()).typedSearchAttributes.get(eventStatusKey);
  return {
    fixture,
    client: clientWith(15_000),
    start: (event, policy) =>
      fixture.starter({ ...STAGE_POLICY, ...policy }).start(event, new AbortController().signal),
    async fault(...faults) {
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${server.url}/_control/faults`, {
        method: 'POST',
        headers,
        body: JSON.stringify(faults),
      });
      if (!response.ok) throw new Error(await response.text());
    },
    async clearFaults() {
      await fetch(`${server.url}/_control/faults`, { method: 'DELETE' });
    },
    statusOf,
    isParked: (event) =>
      eventually(
        async () => {
          if ((await statusOf(event)) !== 'parked') throw new Error(`${await statusOf(event)} instead of parked`);
        },
        { timeoutMs: 90_000 },
      ),
    isClosed: (event) =>
      eventually(
        async () => {
          const { status } = await fixture.handle(event).describe();
          if (status.name === 'RUNNING' || status.name === 'CONTINUED_AS_NEW') throw new Error(status.name);
        },
        { timeoutMs: 120_000 },
      ),
    async stop() {
      await fixture.stop();
      await server.close();
    },
  };
}
