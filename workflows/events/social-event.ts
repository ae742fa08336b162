import { ApplicationFailure, continueAsNew, patched, setHandler, upsertSearchAttributes } from '@temporalio/workflow';
import { edgePosition, isLater, NOTHING_APPLIED } from '../../contracts/events/edge-order.ts';
import { readEdgeEvent, readEventInput } from '../../contracts/events/event-guards.ts';
import { DEFAULT_EVENT_POLICY } from '../../contracts/events/event-policy.ts';
import {
  edgeEventSignal,
  EVENT_CODE_VERSION,
  eventQuery,
  retrySignal,
  retryUpdate,
  skipSignal,
  skipUpdate,
  type OperatorReply,
  type SocialEventInput,
  type SocialEventResult,
  type SocialEventWorkflow,
} from '../../contracts/events/event-workflow.ts';
import { FAILURE_TYPES } from '../../contracts/events/failure-types.ts';
import { eventActorKey, eventKindKey, eventStatusKey } from '../../contracts/shared/search-attributes.ts';
import { actorOf, type EdgeEvent } from '../../contracts/events/social-event.ts';
import { FirstCalls } from './activity-calls.ts';
import { EventLedger } from './event-ledger.ts';
import { parentStepOf, writeStepsOf } from './event-plan.ts';
import { publishState } from './event-publisher.ts';
import { EventRun, type EventHandlers } from './event-run.ts';
import { ownRun, resetMark } from './run-reset.ts';
import { EventRun as EarlierEventRun } from './v1/event-run.ts';

/**
 * One social event, written to GetStream once. A post or comment is one run; an edge (follow, reaction) takes in its
 * further events while it is open and hands its register to the next run when it closes.
 *
 * Most events go through at once, in one workflow task, with as few events in their history as can be; whatever is not that
 * simple is taken over by an `EventRun`.
 */
export async function socialEvent(argument: unknown): Promise<SocialEventResult> {
  const input = readEventInput(argument);
  return input ? new SocialEventEntry(input).run() : refuseStart();
}

/** A start by hand that makes no sense. Where the bridge took it for a run of an edge, the edge's events go on without it. */
async function refuseStart(): Promise<SocialEventResult> {
  let latest: EdgeEvent | undefined;
  setHandler(edgeEventSignal, (argument) => {
    const event = readEdgeEvent(argument);
    if (event && (!latest || isLater(edgePosition(event), edgePosition(latest)))) latest = event;
  });
  // The messages that are there already are handled first.
  await Promise.resolve();
  if (latest) {
    upsertSearchAttributes([
      { key: eventKindKey, value: latest.kind },
      { key: eventActorKey, value: actorOf(latest) },
      { key: eventStatusKey, value: 'pending' },
    ]);
    const { state: carried } = new EventLedger({ event: latest, register: NOTHING_APPLIED }, Date.now());
    await continueAsNew<SocialEventWorkflow>({ version: EVENT_CODE_VERSION, event: latest, carried });
  }
  const message = 'The argument is no social event. Events are started by the bridge, not by hand.';
  throw ApplicationFailure.nonRetryable(message, FAILURE_TYPES.invalidRequest);
}

interface Taker extends EventHandlers {
  run(): Promise<SocialEventResult>;
}

class SocialEventEntry {
  readonly #input: SocialEventInput;
  readonly #first: FirstCalls | undefined;
  readonly #ledger: EventLedger;
  readonly #mark = resetMark();
  /**
   * Runs that began before this version go on as they began, until they continue as new. Asked in the first activation: what
   * a patch answers later depends on the workflow task that a local activity's end is told in, which worker shutdowns shift.
   */
  readonly #isOfThisVersion: boolean;
  readonly #takenOver = Promise.withResolvers<SocialEventResult>();
  #taker: Taker | undefined;

  constructor(input: SocialEventInput) {
    this.#input = input;
    this.#isOfThisVersion = input.version === EVENT_CODE_VERSION || patched('every-exit');
    this.#ledger = new EventLedger(input, Date.now());
    const hasPast = input.register !== undefined || input.carried !== undefined || input.late !== undefined;
    const policy = { ...DEFAULT_EVENT_POLICY, ...input.policy };
    this.#first = hasPast ? undefined : new FirstCalls(policy, ownRun());
    this.#registerHandlers();
    if (hasPast) this.#takeOver();
  }

  run(): Promise<SocialEventResult> {
    const taken = this.#takenOver.promise;
    if (!this.#first || this.#taker) return taken;
    return Promise.race([this.#writeAtOnce(this.#first), taken]);
  }

  /** The way of most events: each call succeeds the first time. */
  async #writeAtOnce(first: FirstCalls): Promise<SocialEventResult> {
    const { event } = this.#input;
    const parent = parentStepOf(event, { ...DEFAULT_EVENT_POLICY, ...this.#input.policy });
    const steps = [...(parent ? [parent] : []), ...writeStepsOf(event)];
    try {
      for (const step of steps) {
        await first.make(step);
        if (this.#taker) return await this.#takenOver.promise;
      }
    } catch {
      // Whoever takes over meets the same failure, and decides on it.
      this.#takeOver();
      return this.#takenOver.promise;
    }
    this.#ledger.beginRound();
    this.#ledger.close('applied', Date.now());
    publishState(this.#ledger.state);
    return this.#ledger.result();
  }

  #takeOver(): Taker {
    if (this.#taker) return this.#taker;
    const taker = this.#isOfThisVersion
      ? new EventRun(this.#input, this.#mark, this.#first)
      : new EarlierEventRun(this.#input, this.#first);
    this.#taker = taker;
    // After the messages that are there already were handed to it.
    this.#takenOver.resolve(Promise.resolve().then(() => taker.run()));
    return taker;
  }

  #registerHandlers(): void {
    const retry = (argument: unknown): OperatorReply => this.#takeOver().onRequest('retry', argument);
    const skip = (argument: unknown): OperatorReply => this.#takeOver().onRequest('skip', argument);
    setHandler(eventQuery, () => (this.#taker ?? this.#ledger).view());
    setHandler(retrySignal, (argument) => void retry(argument), {
      description: 'Write the parked event again. Argument, optional: {"by": "...", "reason": "..."}',
    });
    setHandler(skipSignal, (argument) => void skip(argument), {
      description: 'Give the parked event up. Argument, optional: {"by": "...", "reason": "..."}',
    });
    setHandler(retryUpdate, retry, {
      description:
        'Write the parked event again; answers whether it was accepted. Argument, optional: {"by": "...", "reason": "..."}',
    });
    setHandler(skipUpdate, skip, {
      description:
        'Give the parked event up; answers whether it was accepted. Argument, optional: {"by": "...", "reason": "..."}',
    });
    setHandler(edgeEventSignal, (argument) => this.#takeOver().onEdgeEvent(argument), {
      description: 'Internal, sent by the bridge: do not send by hand.',
    });
  }
}
