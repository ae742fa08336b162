import { Agent, request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly token: string;
  readonly body?: string;
}

/** As many connections as are needed at once, kept open. */
const agent = new Agent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: Infinity });

/** @throws Error when there was no answer within `timeoutMs`, or none at all */
export function call(url: string, { method, path, token, body }: Call, timeoutMs = 10_000): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      'content-length': String(Buffer.byteLength(body ?? '')),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const sent = request(url + path, { method, agent, headers, timeout: timeoutMs }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
      response.once('error', reject);
    });
    sent.once('timeout', () => sent.destroy(new Error('no answer in time')));
    sent.once('error', reject);
    sent.end(body);
  });
}
