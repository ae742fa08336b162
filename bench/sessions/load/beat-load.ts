/** Beats of many players, by autocannon. */
import autocannon from 'autocannon';
import { z } from 'zod';
import { serveCalls } from '../load-process.ts';
import { spreadOf } from '../statistics.ts';

const stream = z.object({ path: z.string(), token: z.string() });
const options = z.object({
  url: z.string(),
  seconds: z.number(),
  connections: z.int(),
});
let streams: z.output<typeof stream>[] = [];

serveCalls({
  streams(params) {
    streams = z.array(stream).parse(params);
  },
  async run(params) {
    const { url, seconds, connections } = options.parse(params);
    let client = 0;
    const latencies: number[] = [];
    const { promise, resolve, reject } = Promise.withResolvers<autocannon.Result>();
    const load = {
      url,
      connections,
      duration: seconds,
      setupClient(player: autocannon.Client) {
        // Each connection beats for its own streams.
        const own = streams.filter((_, index) => index % connections === client);
        client += 1;
        player.setRequests(
          own.map(({ path, token }) => ({ method: 'POST', path, headers: { authorization: `Bearer ${token}` } })),
        );
      },
    };
    const run = autocannon(load, (error: Error | null, result) => (error ? reject(error) : resolve(result)));
    run.on('response', (_client, _status, _bytes, responseMs) => latencies.push(responseMs));
    const result = await promise;
    return {
      perSecond: latencies.length / result.duration,
      failed: result.non2xx + result.errors + result.timeouts,
      ...spreadOf(latencies),
    };
  },
});
