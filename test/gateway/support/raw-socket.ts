import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a server did with bytes that were written by hand. */
export interface RawAnswer {
  readonly text: string;
  /** Status lines in what it sent, in their order. */
  readonly statuses: readonly number[];
}

export interface RawRequest {
  /** Sent one after another. */
  readonly parts: readonly (string | Buffer)[];
  /** Milliseconds between them, default 0. */
  readonly pauseMs?: number;
  /** Given up after this, milliseconds; default 15,000. The server closes the connection before, or keeps it. */
  readonly patienceMs?: number;
}

/** Sends bytes as they are and reads until the server closes the connection or the patience is over. */
export async function sendRaw(
  url: string,
  { parts, pauseMs = 0, patienceMs = 15_000 }: RawRequest,
): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const chunks: Buffer[] = [];
  const closed = new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      resolve();
    });
  });
  const abandoned = new AbortController();
  void closed.then(() => abandoned.abort());
  try {
    for (const part of parts) {
      if (socket.destroyed) break;
      socket.write(part);
      if (pauseMs > 0) await sleep(pauseMs, undefined, { signal: abandoned.signal }).catch(() => undefined);
    }
    await Promise.race([closed, sleep(patienceMs, undefined, { signal: abandoned.signal }).catch(() => undefined)]);
  } finally {
    socket.destroy();
  }
  const text = Buffer.concat(chunks).toString();
  return { text, statuses: Array.from(text.matchAll(/HTTP\/1\.1 (\d{3}) /g), ([, status]) => Number(status)) };
}
