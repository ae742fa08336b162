import { startEventWorker, type EventWorkerFixture } from '../../support/event-worker.ts';
import { FakeStream } from '../../support/fake-stream.ts';
import { EventProbe } from './event-probe.ts';

export interface EventStage {
  readonly stream: FakeStream;
  /** From the first test on. */
  readonly fixture: EventWorkerFixture;
  readonly probe: EventProbe;
}

/** A worker and a stream for all tests of the suite that asks for it; each test begins without calls and replies. */
export function eventStage(): EventStage {
  const stream = new FakeStream();
  let open: Omit<EventStage, 'stream'> | undefined;
  const opened = (): Omit<EventStage, 'stream'> => {
    if (!open) throw new Error('the stage is there once the tests run');
    return open;
  };
  before(async function () {
    // The first run on a machine may have to build the Temporal server.
    this.timeout(900_000);
    const fixture = await startEventWorker(stream.activities);
    open = { fixture, probe: new EventProbe(fixture) };
  });
  beforeEach(() => {
    stream.reset();
  });
  after(() => open?.fixture.stop());
  return {
    stream,
    get fixture() {
      return opened().fixture;
    },
    get probe() {
      return opened().probe;
    },
  };
}
