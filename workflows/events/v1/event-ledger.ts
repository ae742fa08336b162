import { edgePosition, isLater, type EdgeRegister } from '../../../contracts/events/edge-order.ts';
import type {
  AuditEntry,
  EventFailureView,
  EventLedgerState,
  EventView,
  OperatorReply,
  OperatorRequest,
} from '../../../contracts/events/event-workflow.ts';
import { isEdgeEvent, type EdgeEvent, type SocialEvent } from '../../../contracts/events/social-event.ts';

/** Older entries are dropped: the audit of a run must not grow without bound. The history keeps them all. */
const MAX_AUDIT_ENTRIES = 20;
const MAX_REQUEST_TEXT = 500;

/** State of one event, or of one edge's events in turn. Pure: no I/O and no clock. */
export class EventLedger {
  #state: EventLedgerState;
  #decision: 'retry' | 'skip' | undefined;

  constructor(event: SocialEvent, register?: EdgeRegister, carried?: EventLedgerState) {
    this.#state = carried ?? {
      event,
      status: 'pending',
      rounds: 0,
      audit: [],
      overtaken: false,
      ...(register ? { register } : {}),
    };
  }

  get state(): EventLedgerState {
    return this.#state;
  }

  get hasNewer(): boolean {
    return this.#state.newer !== undefined;
  }

  get decision(): 'retry' | 'skip' | undefined {
    return this.#decision;
  }

  /** Takes in a further event of the edge; one that is not later than all known ones changes nothing. */
  offer(event: EdgeEvent): void {
    const { event: current, newer, register } = this.#state;
    const position = edgePosition(event);
    const known = newer ?? (isEdgeEvent(current) ? current : undefined);
    if (!isLater(position, register) || (known && !isLater(position, edgePosition(known)))) return;
    this.#update({ newer: event });
  }

  /** The first event of a resumed run may have been overtaken before the run began. */
  isCurrentStale(): boolean {
    const { event, register } = this.#state;
    return isEdgeEvent(event) && !isLater(edgePosition(event), register);
  }

  /** Goes on to the newer event of the edge. */
  takeNewer(): void {
    const { newer, ...rest } = this.#state;
    if (newer) this.#state = { ...rest, event: newer };
  }

  beginRound(): void {
    this.#decision = undefined;
    this.#update({ rounds: this.#state.rounds + 1, status: 'pending' });
  }

  park(failure: EventFailureView): void {
    this.#decision = undefined;
    this.#update({ status: 'parked', failure, overtaken: false });
  }

  /** A newer event was applied while the parked one waited: the parked one stays to be acknowledged. */
  markOvertaken(parked: EventLedgerState): void {
    this.#update({
      event: parked.event,
      status: 'parked',
      overtaken: true,
      ...(parked.failure ? { failure: parked.failure } : {}),
    });
  }

  /** Ends the current event; of an edge, the register then stands at it. */
  close(status: 'applied' | 'superseded' | 'skipped' | 'compensated'): void {
    const { failure, ...rest } = this.#state;
    const kept = failure && status !== 'applied' ? { failure } : {};
    this.#state = { ...rest, ...kept, status };
    this.#advanceRegister();
  }

  /**
   * An operator's wish. Only a parked event can be retried or skipped, and the first wish decides: a double retry is one
   * retry.
   */
  request(action: 'retry' | 'skip', request: OperatorRequest | undefined, at: string): OperatorReply {
    const accepted = this.#state.status === 'parked' && this.#decision === undefined;
    const entry: AuditEntry = { ...sanitised(request), action, accepted, at };
    this.#update({ audit: [...this.#state.audit, entry].slice(-MAX_AUDIT_ENTRIES) });
    if (accepted) this.#decision = action;
    const status = accepted ? 'pending' : this.#state.status;
    return { accepted, status, message: this.#replyMessage(action, accepted) };
  }

  view(): EventView {
    const { event, status, rounds, audit, register, failure } = this.#state;
    return { event, status, rounds, audit, ...(register ? { register } : {}), ...(failure ? { failure } : {}) };
  }

  #replyMessage(action: 'retry' | 'skip', accepted: boolean): string {
    if (!accepted && this.#decision) return `a ${this.#decision} is already under way`;
    if (!accepted) return `nothing to ${action}: the event is ${this.#state.status}, not parked`;
    if (this.#state.overtaken) return 'a later event overtook this one: it closes without being written';
    return action === 'retry' ? 'the event is written again' : 'the event is given up';
  }

  #advanceRegister(): void {
    const { event, register } = this.#state;
    if (!isEdgeEvent(event)) return;
    const position = edgePosition(event);
    if (isLater(position, register)) this.#update({ register: position });
  }

  #update(change: Partial<EventLedgerState>): void {
    this.#state = { ...this.#state, ...change };
  }
}

/** Signals come from anybody: only the two text fields are kept. */
function sanitised(request: OperatorRequest | undefined): OperatorRequest {
  const [by, reason] = [boundedText(request?.by), boundedText(request?.reason)];
  return { ...(by === undefined ? {} : { by }), ...(reason === undefined ? {} : { reason }) };
}

function boundedText(value: unknown): string | undefined {
  return typeof value === 'string' ? value.slice(0, MAX_REQUEST_TEXT) : undefined;
}
