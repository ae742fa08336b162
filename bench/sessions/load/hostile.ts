/**
 * A hostile machine: sockets whose requests never end, more than fits into headers and bodies, and forged tokens, from
 * addresses of its own (all of 127/8 is this machine), so that the gateway can tell it from the others.
 */
import { connect, type Socket } from 'node:net';
import { z } from 'zod';
import { serveCalls } from '../load-process.ts';
import { accessToken } from '../tokens.ts';

const options = z.object({
  port: z.int(),
  /** Second part of its addresses, 127.x.0.1 and up. */
  network: z.int(),
  addresses: z.int(),
  slowSockets: z.int(),
  requestsPerSecond: z.number(),
});
type Options = z.output<typeof options>;

const SLOW_BYTE_MS = 1_000;
const TICK_MS = 50;
const HUGE = 'x'.repeat(64_000);
const outcomes = new Map<string, number>();
const sockets = new Set<Socket>();
let stopped = false;
let turn = 0;

serveCalls({
  start(params) {
    const all = options.parse(params);
    for (let index = 0; index < all.slowSockets; index += 1) slow(all, index % 2 === 0 ? 'headers' : 'body');
    const perTick = (all.requestsPerSecond * TICK_MS) / 1_000;
    let due = 0;
    setInterval(() => {
      for (due += perTick; due >= 1; due -= 1) oneOff(all);
    }, TICK_MS);
  },
  outcomes: () => Object.fromEntries(outcomes),
});
process.once('disconnect', () => {
  stopped = true;
  for (const socket of sockets) socket.destroy();
});

function open({ port, network, addresses }: Options, kind: string): Socket {
  const localAddress = `127.${network}.0.${1 + ((turn += 1) % addresses)}`;
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  sockets.add(socket);
  let told = false;
  socket.once('data', (data: Buffer) => {
    told = true;
    count(`${kind}: ${data.toString('latin1', 9, 12)}`);
  });
  socket.on('error', () => undefined);
  socket.once('close', () => {
    sockets.delete(socket);
    if (!told) count(`${kind}: cut off`);
  });
  return socket;
}

/** One byte a second, and a new socket when it is cut off. */
function slow(all: Options, kind: 'headers' | 'body'): void {
  if (stopped) return;
  const socket = open(all, `slow ${kind}`);
  const user = 'mallory';
  const line = `POST /v1/users/${user}/streams HTTP/1.1\r\nhost: x\r\n`;
  const rest = `authorization: Bearer ${accessToken(user)}\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n{`;
  socket.write(kind === 'headers' ? `${line}x-slow: ` : line + rest);
  const drip = setInterval(() => socket.write('a'), SLOW_BYTE_MS);
  socket.once('close', () => {
    clearInterval(drip);
    setTimeout(() => slow(all, kind), SLOW_BYTE_MS);
  });
}

function oneOff(all: Options): void {
  const kinds = ['header bomb', 'large body', 'forged token', 'forged token'] as const;
  const kind = kinds[turn % kinds.length] ?? 'forged token';
  const socket = open(all, kind);
  const line = 'POST /v1/users/mallory/streams HTTP/1.1\r\nhost: x\r\nconnection: close\r\n';
  if (kind === 'header bomb') socket.write(`${line}x-bomb: ${HUGE}\r\n\r\n`);
  else {
    const token = accessToken('mallory', kind === 'forged token' ? 'guessed' : undefined);
    const body = kind === 'forged token' ? '{"deviceId":"tv"}' : JSON.stringify({ deviceId: HUGE });
    const headers = `authorization: Bearer ${token}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
    socket.write(`${line}${headers}\r\n\r\n${body}`);
  }
  setTimeout(() => socket.destroy(), 5_000).unref();
}

function count(outcome: string): void {
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
}
