import {
  advanceRegister,
  edgePosition,
  isLater,
  latestOf,
  NOTHING_APPLIED,
  positionKey,
  rememberEventId,
  standingOf,
  type EdgePosition,
  type EdgeRegister,
} from '../../contracts/events/edge-order.ts';
import type {
  AuditEntry,
  EdgeState,
  EventFailureView,
  EventLedgerState,
  EventView,
  LateWrites,
  OperatorReply,
  OperatorRequest,
  SocialEventInput,
  SocialEventResult,
} from '../../contracts/events/event-workflow.ts';
import { FAILURE_TYPES } from '../../contracts/events/failure-types.ts';
import { isEdgeEvent, type EdgeEvent } from '../../contracts/events/social-event.ts';

/** Older entries are dropped: the audit of a run must not grow without bound. The history keeps them all. */
const MAX_AUDIT_ENTRIES = 20;
const MAX_IGNORED = 5;

/**
 * What a run has to do next. `write`: the latest event that is not decided on. `withdraw`: an operator gave the parked event
 * up. `close`: the parked event was overtaken, and somebody took note. `wait`: for an operator. `settle`: nothing is open.
 */
export type NextMove = 'write' | 'withdraw' | 'close' | 'wait' | 'settle';

/** State of one event, or of one edge's events in turn. Pure: no I/O and no clock. */
export class EventLedger {
  #state: EventLedgerState;

  constructor({ event, register, late, carried }: SocialEventInput, nowMs: number) {
    this.#state = carried
      ? withoutGaps(carried, nowMs)
      : {
          event,
          status: 'pending',
          rounds: 0,
          audit: [],
          overtaken: false,
          beganMs: late?.sinceMs ?? nowMs,
          ...(register ? { register } : {}),
          // What an earlier run may have written counts as this event's until it has written its own.
          ...(late ? { mayBeWritten: true } : {}),
          ...(late && late.untilMs > nowMs ? { late } : {}),
        };
    if (isEdgeEvent(this.#state.event)) this.#remember(this.#state.event);
  }

  get state(): EventLedgerState {
    return this.#state;
  }

  get hasNewer(): boolean {
    return this.#state.newer !== undefined;
  }

  /** The event of the edge whose effect stands on GetStream, as far as is known. */
  get stands(): EdgePosition | undefined {
    return standingOf(this.#state.register);
  }

  /** The current event of an edge is the latest and was applied before, in another run or before it was parked again. */
  get isStanding(): boolean {
    const { event, register } = this.#state;
    return isEdgeEvent(event) && register?.stands === undefined && !this.isCurrentStale() && !this.#isNew(event);
  }

  /** The event whose effect stood without the current one, as far as is known. */
  get stoodBefore(): EdgePosition | undefined {
    return this.isStanding ? undefined : this.stands;
  }

  /** Whether something else of the edge may stand where the current event would write. */
  get mayReplace(): boolean {
    const { event, mayBeWritten } = this.#state;
    const { stands } = this;
    if (event.kind !== 'reaction' || event.action === 'Unlike') return false;
    return mayBeWritten === true || (stands?.present === true && !this.isStanding);
  }

  get beganMs(): number {
    return this.#state.beganMs ?? 0;
  }

  nextMove(): NextMove {
    const { status, decision, overtaken } = this.#state;
    if (this.hasNewer || status === 'pending') return 'write';
    if (status !== 'parked') return 'settle';
    if (decision === undefined) return 'wait';
    if (overtaken) return 'close';
    return decision === 'retry' ? 'write' : 'withdraw';
  }

  /** Takes in a further event of the edge; one that is not later than all known ones, or is known by its id, changes nothing. */
  offer(event: EdgeEvent): void {
    const { eventIds = [] } = this.#state.register ?? {};
    if (event.eventId !== undefined && eventIds.includes(event.eventId)) return;
    this.#remember(event);
    this.#take(event);
  }

  #take(event: EdgeEvent): void {
    const { event: current, newer, register } = this.#state;
    const position = edgePosition(event);
    const known = newer ?? (isEdgeEvent(current) ? current : undefined);
    if (!isLater(position, register) || (known && !isLater(position, edgePosition(known)))) return;
    this.#update({ newer: event });
  }

  /**
   * Takes over what other runs of the edge know, after this one was reset or continued.
   *
   * @param startMs when this run began, milliseconds since the epoch; one that was reset keeps its first beginning
   */
  adopt({ register, unsettled, late }: EdgeState, startMs: number): void {
    const own = this.#state.register;
    const latest = latestOf(own, register);
    const eventIds = [...(register?.eventIds ?? []), ...(own?.eventIds ?? [])];
    if (latest) this.#update({ register: eventIds.reduce<EdgeRegister>(withEventId, latest) });
    if (late) {
      this.#noteLate(late);
      this.#update({ mayBeWritten: true, beganMs: Math.min(this.beganMs, late.sinceMs ?? this.beganMs) });
    }
    if (this.isStanding) this.#update({ beganMs: Math.min(this.beganMs, startMs) });
    if (unsettled) {
      // Though its id is known already, from its own run.
      this.#remember(unsettled);
      this.#take(unsettled);
    }
  }

  /** A message that made no sense; told in the details. */
  ignore(what: string): void {
    this.#update({ ignored: [...(this.#state.ignored ?? []), what].slice(-MAX_IGNORED) });
  }

  /** Goes on to the newer event of the edge. A parked one stays to be acknowledged. */
  takeNewer(nowMs: number): void {
    const { newer, spentMs: _spent, autoRetries: _retries, givenUp, ...rest } = this.#state;
    if (!newer) return;
    const { event, failure } = rest;
    const decision = givenUp === true ? 'skip' : rest.decision;
    const isWaiting = rest.status === 'parked' && !rest.overtaken;
    const waiting = isWaiting
      ? { event, ...(failure ? { failure } : {}), ...(decision ? { decision } : {}) }
      : rest.waiting;
    // What the event before may have written, or may write late, is withdrawn with this one: it counts from the same time on.
    const beganMs = rest.mayBeWritten === true || rest.late ? (rest.beganMs ?? nowMs) : nowMs;
    this.#state = { ...rest, event: newer, beganMs, ...(waiting ? { waiting } : {}) };
  }

  /** A later event was decided on, in another run. The event itself may have been, too: then it is written again. */
  isCurrentStale(): boolean {
    const { event, register } = this.#state;
    return isEdgeEvent(event) && register !== undefined && isLater(register, edgePosition(event));
  }

  #isNew(event: EdgeEvent): boolean {
    return isLater(edgePosition(event), this.#state.register);
  }

  beginRound(): void {
    const { decision: _decided, givenUp: _givenUp, ...rest } = this.#state;
    this.#state = { ...rest, rounds: rest.rounds + 1, status: 'pending' };
  }

  /** An attempt had no answer: GetStream may carry it out until then. */
  noteUnanswered(untilMs: number, isOther = false): void {
    const of = isOther ? undefined : this.#currentKey();
    this.#noteLate({ untilMs, sinceMs: this.beganMs, ...(of === undefined ? {} : { of }) });
    this.#update({ mayBeWritten: true });
  }

  /** The current event's write was made, or taken back. */
  noteWritten(mayBeWritten: boolean): void {
    this.#update({ mayBeWritten });
  }

  /** The parked event is being given up, though no operator asked for it: who asks now comes too late. */
  beginWithdrawal(): void {
    if (this.#state.status === 'parked') this.#update({ decision: 'skip' });
  }

  /** @param isAside nobody had asked for what failed: what an operator asked for meanwhile is still to be done */
  park(failure: EventFailureView, nowMs: number, isAside = false): void {
    const { waiting: _dropped, spentMs: _spent, decision, ...rest } = this.#state;
    const open = isAside && decision ? { decision } : {};
    this.#state = { ...rest, ...open, status: 'parked', failure, overtaken: false, parkedMs: nowMs };
  }

  /** It is given up, and could not be taken back. */
  parkGivenUp(failure: EventFailureView, nowMs: number): void {
    this.park(failure, nowMs);
    this.#update({ givenUp: true });
  }

  /** What the schedule of retries asks for. */
  get dueAction(): 'retry' | 'skip' {
    return this.#state.givenUp === true ? 'skip' : 'retry';
  }

  /** How long the event was being tried in this run, waits for the quota left out: a run that continues it has that much less. */
  noteSpent(ms: number): void {
    this.#update({ spentMs: (this.#state.spentMs ?? 0) + Math.max(0, ms) });
  }

  countAutoRetry(): void {
    this.#update({ autoRetries: (this.#state.autoRetries ?? 0) + 1 });
  }

  /**
   * Ends the current event; of an edge, the register then stands at it. A parked event that it overtook comes back to be
   * acknowledged, unless an operator decided on it meanwhile.
   */
  close(status: 'applied' | 'superseded' | 'skipped' | 'compensated', nowMs: number): void {
    const { failure, decision: _decided, givenUp: _givenUp, waiting, spentMs: _spent, ...rest } = this.#state;
    const kept = failure && status !== 'applied' ? { failure } : {};
    this.#state = { ...rest, ...kept, status, mayBeWritten: false, autoRetries: 0 };
    this.#advanceRegister(status);
    if (waiting && status !== 'compensated') this.#recall(waiting, nowMs);
  }

  /**
   * An operator's wish. Only a parked event can be retried or skipped, and the first wish decides: a double retry is one
   * retry.
   */
  request(action: 'retry' | 'skip', request: OperatorRequest, at: string): OperatorReply {
    const { status, decision, audit } = this.#state;
    const accepted = status === 'parked' && decision === undefined;
    const entry: AuditEntry = { ...request, action, accepted, at };
    this.#update({ audit: [...audit, entry].slice(-MAX_AUDIT_ENTRIES), ...(accepted ? { decision: action } : {}) });
    return {
      accepted,
      status: accepted ? 'pending' : status,
      message: replyMessage(action, accepted, this.#state, decision),
      ...(accepted ? { event: this.#state.event } : {}),
    };
  }

  /** Until when GetStream may carry out a write that would change what stands; undefined when there is none such. */
  lateUntilMs(): number | undefined {
    const { late, status, event } = this.#state;
    if (!late) return undefined;
    if (!isEdgeEvent(event)) return status === 'applied' && late.of !== undefined ? undefined : late.untilMs;
    const standing = this.stands;
    return standing && late.of === positionKey(standing) ? undefined : late.untilMs;
  }

  /** What writes until then may have done was looked at, and mended. */
  dropLate(untilMs: number): void {
    const { late, ...rest } = this.#state;
    if (late && late.untilMs <= untilMs) this.#state = rest;
  }

  view(): EventView {
    const { event, status, rounds, audit, register, failure } = this.#state;
    return { event, status, rounds, audit, ...(register ? { register } : {}), ...(failure ? { failure } : {}) };
  }

  /** What the next run of the edge must know; undefined where there is no edge. */
  edgeState(): EdgeState | undefined {
    const { event, status, newer, overtaken, register, mayBeWritten, beganMs = 0 } = this.#state;
    if (!isEdgeEvent(event)) return undefined;
    // Also what may have been written long ago, and could not be taken back.
    const late = this.#state.late ?? (mayBeWritten === true ? { untilMs: beganMs, sinceMs: beganMs } : undefined);
    const isOpen = status === 'pending' || (status === 'parked' && !overtaken);
    const unsettled = newer ?? (isOpen ? event : undefined);
    return { ...(register ? { register } : {}), ...(unsettled ? { unsettled } : {}), ...(late ? { late } : {}) };
  }

  result(): SocialEventResult {
    const { event, status, register, late } = this.#state;
    if (!isEdgeEvent(event)) return { status };
    return { status, ...(register ? { register } : {}), ...(late ? { late } : {}) };
  }

  #recall(waiting: NonNullable<EventLedgerState['waiting']>, nowMs: number): void {
    const { event, failure, decision } = waiting;
    const { waiting: _done, failure: _other, ...rest } = this.#state;
    const status = decision === undefined ? 'parked' : decision === 'retry' ? 'superseded' : 'skipped';
    this.#state = {
      ...rest,
      event,
      status,
      overtaken: status === 'parked',
      parkedMs: nowMs,
      ...(failure ? { failure } : {}),
    };
  }

  #advanceRegister(status: 'applied' | 'superseded' | 'skipped' | 'compensated'): void {
    const { event, register } = this.#state;
    if (!isEdgeEvent(event)) return;
    const advanced = advanceRegister(register, edgePosition(event), status === 'applied' ? 'applied' : 'givenUp');
    if (advanced) this.#update({ register: advanced });
  }

  #remember({ eventId }: EdgeEvent): void {
    if (eventId === undefined) return;
    this.#update({ register: withEventId(this.#state.register ?? NOTHING_APPLIED, eventId) });
  }

  #noteLate(late: LateWrites): void {
    const known = this.#state.late;
    const of = !known || known.of === late.of ? late.of : undefined;
    const sinceMs = Math.min(known?.sinceMs ?? Infinity, late.sinceMs ?? Infinity);
    this.#update({
      late: {
        untilMs: Math.max(known?.untilMs ?? 0, late.untilMs),
        ...(Number.isFinite(sinceMs) ? { sinceMs } : {}),
        ...(of === undefined ? {} : { of }),
      },
    });
  }

  #currentKey(): string {
    const { event } = this.#state;
    return isEdgeEvent(event) ? positionKey(edgePosition(event)) : 'this event';
  }

  #update(change: Partial<EventLedgerState>): void {
    this.#state = { ...this.#state, ...change };
  }
}

/** Earlier versions kept less: what a failed undo, or an attempt without an answer, may have left is taken back with the event. */
function withoutGaps(carried: EventLedgerState, nowMs: number): EventLedgerState {
  const { failure } = carried;
  const mayBeWritten = failure?.compensationFailure !== undefined || failure?.type === FAILURE_TYPES.ambiguous;
  return { beganMs: nowMs, ...(mayBeWritten ? { mayBeWritten } : {}), ...carried };
}

function withEventId(register: EdgeRegister, eventId: string): EdgeRegister {
  return { ...register, eventIds: rememberEventId(register.eventIds ?? [], eventId) };
}

function replyMessage(
  action: 'retry' | 'skip',
  accepted: boolean,
  { status, overtaken }: EventLedgerState,
  underWay: 'retry' | 'skip' | undefined,
): string {
  if (!accepted && underWay) return `a ${underWay} is already under way`;
  if (!accepted) return `nothing to ${action}: the event is ${status}, not parked`;
  if (overtaken) return 'a later event overtook this one: it closes without being written';
  return action === 'retry' ? 'the event is written again' : 'the event is given up';
}
