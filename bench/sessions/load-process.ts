import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const request = z.object({ id: z.int(), method: z.string(), params: z.unknown().optional() });
const answer = z.object({ id: z.int(), result: z.unknown().optional(), error: z.string().optional() });

/** A process of its own that makes load, or serves, and does what it is told. */
export class LoadProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #next = 0;

  /** @param name of the file in `load/`, without its extension */
  constructor(name: string) {
    this.#child = fork(fileURLToPath(new URL(`load/${name}.ts`, import.meta.url)), { execArgv: [] });
    this.#child.on('message', (message) => {
      const { id, result, error } = answer.parse(message);
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(result);
      else waiting?.reject(new Error(`${name}: ${error}`));
    });
    this.#child.once('exit', (code) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`${name} ended with ${code}`));
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async call<Schema extends z.ZodType>(method: string, params: unknown, schema: Schema): Promise<z.output<Schema>> {
    const id = (this.#next += 1);
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    this.#child.send({ id, method, params });
    return schema.parse(await waiting.promise);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    await exited;
  }
}

/** The other side: answers calls until the parent lets go. */
export function serveCalls(methods: Readonly<Record<string, (params: unknown) => unknown>>): void {
  process.on('message', (message) => {
    void (async () => {
      const { id, method, params } = request.parse(message);
      try {
        process.send?.({ id, result: await methods[method]?.(params) });
      } catch (error) {
        process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
      }
    })();
  });
  process.once('disconnect', () => process.exit());
}
