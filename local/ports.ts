import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** A port that another process holds. The message names the setting that moves ours elsewhere. */
export class PortInUseError extends Error {
  override readonly name = 'PortInUseError';
  readonly port: number;

  constructor(port: number, variable: string, cause: unknown) {
    super(`port ${port} is in use: stop what listens there, or choose another port with ${variable}=<port>`, { cause });
    this.port = port;
  }
}

/** A TCP port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  return await listenOnce(0);
}

/**
 * @param variable environment variable that changes the port, for the message
 * @throws PortInUseError when another process listens on the port
 */
export async function assertPortFree(port: number, variable: string): Promise<void> {
  try {
    await listenOnce(port);
  } catch (cause) {
    throw new PortInUseError(port, variable, cause);
  }
}

/** The port itself, checked, or a free one where it is 0 or left out. */
export async function claimPort(port: number | undefined, variable: string): Promise<number> {
  if (port === undefined || port === 0) return await freePort();
  await assertPortFree(port, variable);
  return port;
}

/** True when something accepts connections on this port of 127.0.0.1. */
export async function isListening(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function listenOnce(port: number): Promise<number> {
  const server = createServer();
  return await new Promise<number>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address();
      const chosen = typeof address === 'object' && address !== null ? address.port : port;
      server.close(() => resolve(chosen));
    });
  });
}
