import type { Worker } from '@temporalio/worker';
import type { Dependency } from '../contracts/shared/dependency.ts';
import type { ProcessState, Readiness } from './admin-messages.ts';
import type { Role } from './environment.ts';
import { StallMeter } from './stall-meter.ts';

/** A role that has started. */
export interface RunningPart {
  /** What it lacks, as far as it knows itself: names of dependencies, or its own for anything else. */
  lacks(): readonly string[];
  /** Only of a part that does without what it lacks: what is away. */
  degraded?(): readonly string[];
}

interface RoleHealth {
  readonly needs: Dependency[];
  part: RunningPart | undefined;
}

const TICK_MS = 500;

/** How the roles of this process are: what it says in `/healthz` and `/readyz`. */
export class ProcessHealth {
  readonly #roles: ReadonlyMap<Role, RoleHealth>;
  readonly #threads = new Map<Role, WorkflowThread>();
  readonly #ticking: NodeJS.Timeout;

  /** @param needs what each role waits for at its start */
  constructor(needs: ReadonlyMap<Role, readonly Dependency[]>) {
    this.#roles = new Map(
      Array.from(needs, ([role, dependencies]) => [role, { needs: [...dependencies], part: undefined }]),
    );
    this.#ticking = setInterval(() => {
      for (const thread of this.#threads.values()) thread.tick(performance.now());
    }, TICK_MS).unref();
  }

  /** What a role waits for that is known only once it began. */
  alsoNeeds(role: Role, dependencies: readonly Dependency[]): void {
    this.#roles.get(role)?.needs.push(...dependencies);
  }

  started(role: Role, part: RunningPart): void {
    const health = this.#roles.get(role);
    if (health) health.part = part;
  }

  /** @param worker runs workflows, in a thread that one of them may block */
  watchThread(role: Role, worker: Worker): void {
    this.#threads.set(role, new WorkflowThread(worker));
  }

  dependencies(): readonly Dependency[] {
    return [...new Set([...this.#roles.values()].flatMap(({ needs }) => needs))];
  }

  state(): ProcessState {
    const roles = [...this.#roles].map(([role, health]): [Role, Readiness] => [role, readinessOf(role, health)]);
    const degraded = roles.flatMap(([, readiness]) => readiness.degraded ?? []);
    return {
      blocked: [...this.#threads].filter(([, thread]) => thread.blocked).map(([role]) => `workflow thread of ${role}`),
      readiness: {
        unready: unique(roles.flatMap(([, { unready }]) => unready)),
        ...(roles.some(([, readiness]) => readiness.degraded) && { degraded: unique(degraded) }),
      },
      roles: Object.fromEntries(roles),
    };
  }

  close(): void {
    clearInterval(this.#ticking);
    for (const thread of this.#threads.values()) thread.close();
  }
}

function readinessOf(role: Role, { needs, part }: RoleHealth): Readiness {
  const away = needs.filter(({ available }) => !available).map(({ name }) => name);
  // Also when all is there: the role is still starting then.
  if (!part) return { unready: away.length > 0 ? away : [role] };
  const lacks = part.lacks();
  if (part.degraded) return { unready: lacks, degraded: unique([...away, ...part.degraded()]) };
  return { unready: unique([...away, ...lacks]) };
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)];
}

/** Whether the thread that runs the workflows of a worker gets anywhere with what it was given; nothing to do is fine. */
class WorkflowThread {
  readonly #worker: Worker;
  readonly #meter = new StallMeter();
  readonly #subscription: { unsubscribe(): void };
  #inFlight = 0;
  #progressed = true;

  constructor(worker: Worker) {
    this.#worker = worker;
    this.#subscription = worker.numInFlightActivations$.subscribe((inFlight) => {
      // Each end of an activation counts one down, each new one up. The first work after a rest has only just begun.
      if (inFlight < this.#inFlight || this.#inFlight === 0) this.#progressed = true;
      this.#inFlight = inFlight;
    });
  }

  get blocked(): boolean {
    return this.#meter.blocked || this.#worker.getState() === 'FAILED';
  }

  tick(nowMs: number): void {
    this.#meter.tick(nowMs, this.#inFlight > 0 && !this.#progressed);
    this.#progressed = false;
  }

  close(): void {
    this.#subscription.unsubscribe();
  }
}
