import { setTimeout as sleep } from 'node:timers/promises';
import type { EventStarter, StartOutcome } from '../../../bridge/event-starter.ts';
import type { SocialEvent } from '../../../contracts/social-event.ts';
import { eventWorkflowId } from '../../../contracts/workflow-ids.ts';

/** Stands in for Temporal at the edge: remembers workflow ids, and can be down, slow or choosy. */
export class FakeStarter implements EventStarter {
  /** Workflow ids in the order of their durable start, each once. */
  readonly started: string[] = [];
  readonly events: SocialEvent[] = [];
  attempts = 0;
  down = false;
  delayMs = 0;
  /** Events that fail to start, whatever the state of Temporal. */
  refuses: (event: SocialEvent) => boolean = () => false;
  /** Never answers and does not heed its signal. */
  deaf = false;

  async start(event: SocialEvent, signal: AbortSignal): Promise<StartOutcome> {
    this.attempts += 1;
    if (this.deaf) await new Promise(() => {});
    if (this.delayMs > 0) await sleep(this.delayMs, undefined, { signal });
    if (this.down || this.refuses(event)) throw new Error('Temporal is unavailable');
    const id = eventWorkflowId(event);
    if (this.started.includes(id)) return event.kind === 'follow' ? 'joined' : 'deduplicated';
    this.started.push(id);
    this.events.push(event);
    return 'started';
  }
}
