import assert from 'node:assert/strict';
import { eventQuery, type EventView } from '../../../contracts/events/event-workflow.ts';
import { eventFailureKey, eventStatusKey } from '../../../contracts/shared/search-attributes.ts';
import type { SocialEvent } from '../../../contracts/events/social-event.ts';
import type { EventWorkerFixture } from '../../support/event-worker.ts';
import { eventually } from '../../support/eventually.ts';

/** What can be seen of an event from outside. */
export class EventProbe {
  readonly #fixture: EventWorkerFixture;

  constructor(fixture: EventWorkerFixture) {
    this.#fixture = fixture;
  }

  view(event: SocialEvent): Promise<EventView> {
    return this.#fixture.handle(event).query(eventQuery);
  }

  async status(event: SocialEvent): Promise<string | undefined> {
    return (await this.#describe(event)).typedSearchAttributes.get(eventStatusKey);
  }

  async failure(event: SocialEvent): Promise<string | undefined> {
    return (await this.#describe(event)).typedSearchAttributes.get(eventFailureKey);
  }

  /** Of the latest run. */
  async runId(event: SocialEvent): Promise<string> {
    return (await this.#describe(event)).runId;
  }

  /** The latest run has ended, in whatever way but by continuing. */
  async isClosed(event: SocialEvent): Promise<void> {
    await eventually(
      async () => {
        const { status } = await this.#describe(event);
        assert.ok(status.name !== 'RUNNING' && status.name !== 'CONTINUED_AS_NEW', status.name);
      },
      { timeoutMs: 30_000 },
    );
  }

  async isParked(event: SocialEvent): Promise<void> {
    await eventually(async () => assert.equal(await this.status(event), 'parked'), { timeoutMs: 30_000 });
  }

  /** The current details, as the Web UI shows them. */
  async details(event: SocialEvent): Promise<string> {
    const metadata: unknown = await this.#fixture.handle(event).query('__temporal_workflow_metadata');
    return String(Reflect.get(Object(metadata), 'currentDetails'));
  }

  #describe(event: SocialEvent) {
    return this.#fixture.handle(event).describe();
  }
}
