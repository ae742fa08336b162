import type { FastifyInstance } from 'fastify';
import { parseBody } from './body.ts';
import { StreamError } from './errors.ts';
import { localOnly } from './local-only.ts';
import type { Context } from './pipeline.ts';

/** Routes for tests and demos: inject faults, count requests and effects, empty the store. This machine only. */
export function registerControl(app: FastifyInstance, { store, faults, lateCommits, counters }: Context): void {
  const guarded = { onRequest: localOnly };

  app.post('/_control/faults', guarded, (request, reply) => {
    const problem = addFaults(request.body);
    if (problem !== undefined) return reply.code(400).send({ detail: problem });
    return reply.code(201).send({ faults: faults.size });
  });
  app.delete('/_control/faults', guarded, () => {
    faults.clear();
    return { faults: 0 };
  });
  app.get('/_control/stats', guarded, () => ({ ...counters.snapshot(), lateCommits: lateCommits.counts() }));
  app.delete('/_control/stats', guarded, () => {
    counters.reset();
    lateCommits.resetCounts();
    return {};
  });
  app.delete('/_control/data', guarded, () => {
    // What is empty stays empty: a write that came before must not show up after.
    lateCommits.drop();
    store.clear();
    return {};
  });

  function addFaults(body: unknown): string | undefined {
    try {
      return faults.add(parseBody(body));
    } catch (error) {
      if (error instanceof StreamError) return error.message;
      throw error;
    }
  }
}
