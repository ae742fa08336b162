import { connect, type StreamClient } from 'getstream';
import type { ModelAnswer, ModelRequest } from './stream-model.ts';

/** Carries one request, as the network does. @throws Error whose message says what became of the connection */
export type Transport = (request: ModelRequest, timeoutMs: number) => Promise<CarriedAnswer>;

export interface CarriedAnswer extends ModelAnswer {
  readonly headers?: Readonly<Record<string, string>>;
}

const BASE = 'http://model/api/';

/** The real `getstream` client over a transport in memory: calls, errors and time-outs are its own. */
export function clientOver(transport: Transport, timeoutMs: number): StreamClient {
  const client = connect('key', 'secret', '1', { timeout: timeoutMs, urlOverride: { api: BASE } });
  client.request.defaults.adapter = async (config) => {
    const { api_key: _key, location: _location, ...query }: Record<string, unknown> = config.params;
    const answer = await transport(
      {
        method: methodOf(config.method),
        path: (config.url ?? '').slice(`${BASE}v1.0/`.length),
        query: Object.fromEntries(
          Object.entries(query)
            .filter(([, value]) => value !== undefined)
            .map(([name, value]) => [name, String(value)]),
        ),
        body: typeof config.data === 'string' ? JSON.parse(config.data) : undefined,
      },
      timeoutMs,
    );
    const { status, headers = {} } = answer;
    return { data: JSON.stringify(answer.body), status, statusText: String(status), headers, config };
  };
  return client;
}

function methodOf(method = ''): ModelRequest['method'] {
  const upper = method.toUpperCase();
  if (upper === 'GET' || upper === 'POST' || upper === 'DELETE') return upper;
  throw new Error(`the model has no ${upper}`);
}
