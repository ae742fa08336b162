import { setTimeout as sleep } from 'node:timers/promises';
import { FaultInjector, type FaultInjectorOptions } from '../fault-injector.ts';
import type { Action } from './plan.ts';
import { proxyName, type SessionsStack } from './stack.ts';

export interface SessionsInjectorOptions extends FaultInjectorOptions {
  readonly stack: SessionsStack;
}

/** Injects faults into the sessions' stack. */
export class SessionsInjector extends FaultInjector<Action> {
  readonly #stack: SessionsStack;
  /** One fault of Redis after the other. */
  #redis: Promise<void> = Promise.resolve();

  constructor(options: SessionsInjectorOptions) {
    super(options);
    this.#stack = options.stack;
  }

  override async heal(): Promise<void> {
    await super.heal();
    await this.#redis;
  }

  protected override async inject(action: Action): Promise<void> {
    const { slots, temporal } = this.#stack;
    switch (action.kind) {
      case 'kill':
        if (slots.get(action.process)?.kill()) this.count(`kill of a ${action.process.replace(/-\d/, '')}`);
        return;
      case 'restartTemporal':
        this.count('restart of Temporal');
        return temporal.restart(action.downMs);
      case 'killRedis':
        this.count('kill of Redis');
        this.#redis = this.#redis.then(() => this.#killRedis(action.downMs));
        return;
      case 'freezeRedis':
        this.count('freeze of Redis');
        this.#redis = this.#redis.then(() => this.#freezeRedis(action.forMs));
        return;
      case 'network':
        return this.disturb(proxyName(action.link), action.link.to, action.toxic, action.forMs);
    }
  }

  async #killRedis(downMs: number): Promise<void> {
    const { redis } = this.#stack;
    await redis.kill();
    await sleep(downMs);
    await redis.restart();
  }

  async #freezeRedis(forMs: number): Promise<void> {
    const { redis } = this.#stack;
    redis.freeze();
    await sleep(forMs);
    redis.thaw();
  }
}
