import { setTimeout as sleep } from 'node:timers/promises';
import type { Toxiproxy } from '../toxiproxy.ts';
import type { Action, PlannedAction } from './plan.ts';
import { proxyName, type SessionsStack } from './stack.ts';

export interface SessionsInjectorOptions {
  readonly stack: SessionsStack;
  /** Left out: network faults are skipped. */
  readonly toxiproxy?: Toxiproxy;
  readonly onEvent: (line: string) => void;
}

/** Carries out a plan of faults on the sessions, and takes all of them back at the end. */
export class SessionsInjector {
  readonly #options: SessionsInjectorOptions;
  readonly #injected = new Map<string, number>();
  readonly #passing: Promise<void>[] = [];
  /** One fault of Redis after the other. */
  #redis: Promise<void> = Promise.resolve();
  #skipped = 0;

  constructor(options: SessionsInjectorOptions) {
    this.#options = options;
  }

  /** By kind. */
  get injected(): Record<string, number> {
    return Object.fromEntries([...this.#injected].toSorted(([left], [right]) => left.localeCompare(right)));
  }

  get skipped(): number {
    return this.#skipped;
  }

  async run(plan: readonly PlannedAction[]): Promise<void> {
    const begun = performance.now();
    for (const { atMs, action } of plan) {
      await sleep(Math.max(0, begun + atMs - performance.now()));
      await this.#inject(action);
    }
  }

  async heal(): Promise<void> {
    await Promise.all(this.#passing);
    await this.#redis;
  }

  async #inject(action: Action): Promise<void> {
    const { stack, onEvent } = this.#options;
    onEvent(JSON.stringify(action));
    switch (action.kind) {
      case 'kill':
        if (stack.slots.get(action.process)?.kill()) this.#count(`kill of a ${action.process.replace(/-\d/, '')}`);
        return;
      case 'restartTemporal':
        this.#count('restart of Temporal');
        return stack.temporal.restart(action.downMs);
      case 'killRedis':
        this.#count('kill of Redis');
        this.#redis = this.#redis.then(() => this.#killRedis(action.downMs));
        return;
      case 'freezeRedis':
        this.#count('freeze of Redis');
        this.#redis = this.#redis.then(() => this.#freezeRedis(action.forMs));
        return;
      case 'network':
        return this.#disturb(action);
    }
  }

  async #killRedis(downMs: number): Promise<void> {
    const { redis } = this.#options.stack;
    await redis.kill();
    await sleep(downMs);
    await redis.restart();
  }

  async #freezeRedis(forMs: number): Promise<void> {
    const { redis } = this.#options.stack;
    redis.freeze();
    await sleep(forMs);
    redis.thaw();
  }

  async #disturb({ link, toxic, forMs }: Extract<Action, { kind: 'network' }>): Promise<void> {
    const { toxiproxy } = this.#options;
    if (!toxiproxy) {
      this.#skipped += 1;
      return;
    }
    this.#count(`network ${toxic.type} to ${link.to}`);
    const cure = await toxiproxy.poison(proxyName(link), toxic);
    this.#passing.push(sleep(forMs).then(cure));
  }

  #count(kind: string): void {
    this.#injected.set(kind, (this.#injected.get(kind) ?? 0) + 1);
  }
}
