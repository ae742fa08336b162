import { ActivityFailure, ApplicationFailure, CancellationScope, proxyActivities } from '@temporalio/workflow';
import { streamWatcherQueue } from '../../contracts/shared/names.ts';
import {
  INVALID_SESSION_MESSAGE,
  type OneWatcherActivities,
  type StreamRef,
  type WatchersAnswer,
  type WatchersQuestion,
} from '../../contracts/sessions/stream-sessions.ts';

/**
 * Asks gateways on behalf of one that does not reach the store they share: it cannot tell an outage of the store, in which all of
 * them tell accounts of beats, from one of its own, in which the others go on by the store and tell nobody. The first answer holds.
 */
export async function askStreamWatchers(argument: unknown): Promise<WatchersAnswer> {
  const { streams, instances } = readQuestion(argument);
  const asking = new CancellationScope();
  const answers = asking.run(() => Promise.any(instances.map((instance) => ask(instance, streams))));
  try {
    return { unknown: await answers };
  } catch (error) {
    if (!(error instanceof AggregateError) || error.errors.some((one) => !(one instanceof ActivityFailure)))
      throw error;
    const causes = error.errors.map((one: unknown) => (one instanceof ActivityFailure ? one.cause : one));
    return { unreached: causes.filter((cause) => cause instanceof ApplicationFailure).length };
  } finally {
    asking.cancel();
  }
}

function ask(instance: string, streams: readonly StreamRef[]): Promise<readonly StreamRef[]> {
  const { unknownStreams } = proxyActivities<OneWatcherActivities>({
    taskQueue: streamWatcherQueue(instance),
    startToCloseTimeout: 1_500,
    // One that is gone was seen lately all the same.
    scheduleToCloseTimeout: 2_000,
    retry: { maximumAttempts: 1 },
    summary: `does ${instance} reach the store?`,
  });
  return unknownStreams(streams);
}

/** It may be started by hand. */
function readQuestion(value: unknown): WatchersQuestion {
  const streams: unknown = Reflect.get(Object(value), 'streams');
  const instances: unknown = Reflect.get(Object(value), 'instances');
  if (isListOf(streams, isStream) && isListOf(instances, isText)) return { streams, instances };
  throw ApplicationFailure.nonRetryable(
    'not started with {"streams": [{"userId": "...", "streamId": "..."}], "instances": ["..."]}',
    INVALID_SESSION_MESSAGE,
  );
}

function isListOf<Item>(value: unknown, isItem: (item: unknown) => item is Item): value is readonly Item[] {
  return Array.isArray(value) && value.every((item) => isItem(item));
}

function isStream(value: unknown): value is StreamRef {
  return isText(Reflect.get(Object(value), 'userId')) && isText(Reflect.get(Object(value), 'streamId'));
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
