/** The least a beat could cost over HTTP here: a Fastify route that sends what the gateway does, and decides nothing. */
import { fastify } from 'fastify';
import { z } from 'zod';
import { serveCalls } from '../load-process.ts';

const options = z.object({ answer: z.record(z.string(), z.unknown()) });

serveCalls({
  async start(params) {
    const { answer } = options.parse(params);
    const app = fastify();
    app.post('/v1/users/:userId/streams/:streamId/heartbeat', async () => answer);
    return await app.listen({ host: '127.0.0.1', port: 0 });
  },
});
