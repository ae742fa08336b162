import { setTimeout as sleep } from 'node:timers/promises';
import type { EventStarter, StartOutcome } from '../../../bridge/event-starter.ts';
import type { SocialEvent } from '../../../contracts/events/social-event.ts';
import { eventWorkflowId } from '../../../contracts/events/event-workflow.ts';

/** Stands in for Temporal at the edge: remembers workflow ids, and can be down, slow or choosy. */
export class FakeStarter implements EventStarter {
  /** Workflow ids in the order of their durable start, each once. */
  readonly started: string[] = [];
  readonly events: SocialEvent[] = [];
  readonly #known = new Set<string>();
  attempts = 0;
  /** Attempts of each workflow id. */
  readonly attemptsOf = new Map<string, number>();
  /** Fails every start, and the probe. */
  down = false;
  /** The probe is answered although starts fail, unless Temporal is down. */
  probeAnswers = true;
  delayMs = 0;
  /** Events that fail to start, whatever the state of Temporal. */
  refuses: (event: SocialEvent) => boolean = () => false;
  failure: () => Error = () => new Error('Temporal is unavailable');
  /** Events whose starts are never answered and do not heed their signal. */
  deaf: (event: SocialEvent) => boolean = () => false;

  async start(event: SocialEvent, signal: AbortSignal): Promise<StartOutcome> {
    this.attempts += 1;
    const id = eventWorkflowId(event);
    this.attemptsOf.set(id, (this.attemptsOf.get(id) ?? 0) + 1);
    if (this.deaf(event)) await new Promise(() => {});
    if (this.delayMs > 0) await sleep(this.delayMs, undefined, { signal });
    if (this.down || this.refuses(event)) throw this.failure();
    if (this.#known.has(id)) return event.kind === 'follow' ? 'joined' : 'deduplicated';
    this.#known.add(id);
    this.started.push(id);
    this.events.push(event);
    return 'started';
  }

  probe(): Promise<void> {
    return this.down || !this.probeAnswers ? Promise.reject(new Error('no answer to the probe')) : Promise.resolve();
  }
}

/** A failure with a gRPC code, as the client of Temporal throws it. */
export function grpcFailure(code: number, details: string): Error {
  const cause = Object.assign(new Error(`${code}: ${details}`), { code, details, metadata: {} });
  return new Error('Failed to start Workflow', { cause });
}
