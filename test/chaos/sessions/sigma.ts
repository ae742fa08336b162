import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Random } from '../../../local/random.ts';
import type { Model, Operation } from '../../sessions/support/linearizability.ts';
import type { GatewayDoor, Subscriber } from './doors.ts';
import { capOf, type Plan } from './policy.ts';

interface SigmaCall {
  readonly kind: 'register' | 'unregister';
  readonly id: string;
  readonly key: string;
}
type SigmaAnswer = 'done' | 'refused' | 'ended';
export type SigmaOperation = Operation<SigmaCall, SigmaAnswer>;

/** An account of Sigma's own API, and what its clients saw. */
export interface SigmaRecord extends Subscriber {
  readonly operations: SigmaOperation[];
  readonly tooMany: string[];
}

interface State {
  /** An id once for each slot. */
  readonly slots: readonly string[];
  /** Keys of requests that were carried out. */
  readonly keys: readonly string[];
}

/** Slots that are counted up and down, each key once. */
export function sigmaModel(limit: number): Model<State, SigmaCall, SigmaAnswer> {
  const carryOut = ({ slots, keys }: State, { kind, id, key }: SigmaCall): [State, SigmaAnswer] => {
    const name = `${kind} ${key}`;
    const known = keys.includes(name);
    const at = slots.indexOf(id);
    if (kind === 'unregister') {
      const frees = at >= 0 && !known;
      return [frees ? { slots: slots.toSpliced(at, 1), keys: [...keys, name] } : { slots, keys }, 'done'];
    }
    if (known) return [{ slots, keys }, at >= 0 ? 'done' : 'ended'];
    if (slots.length >= limit) return [{ slots, keys }, 'refused'];
    return [{ slots: [...slots, id], keys: [...keys, name] }, 'done'];
  };
  return {
    initial: { slots: [], keys: [] },
    step(state, call, answer) {
      const [next, told] = carryOut(state, call);
      if (answer === undefined) return [state, next];
      return answer === told ? [next] : [];
    },
    key: ({ slots, keys }) => `${slots.toSorted().join(',')}|${keys.toSorted().join(',')}`,
  };
}

const listing = z.object({ data: z.object({ streams: z.array(z.string()) }) });
const failure = z.object({ error: z.string() });
const PATIENCE_MS = 3_500;
const TRIES = 6;

/** Registers and unregisters until the time is over; every request has a key, and is repeated until it is answered. */
export async function playSigma(
  record: SigmaRecord,
  doors: readonly GatewayDoor[],
  random: Random,
  untilMs: number,
): Promise<void> {
  const held: string[] = [];
  while (performance.now() < untilMs) {
    const id = `tv-${random.between(0, 2)}`;
    const leaves = held.length > 0 && random.chance(0.45);
    const call: SigmaCall = leaves
      ? { kind: 'unregister', id: held.splice(random.between(0, held.length - 1), 1)[0] ?? id, key: randomUUID() }
      : { kind: 'register', id, key: randomUUID() };
    if ((await ask(record, call, doors, random)) === 'done' && !leaves) held.push(id);
    await sleep(random.between(50, 600));
  }
}

async function ask(
  record: SigmaRecord,
  call: SigmaCall,
  doors: readonly GatewayDoor[],
  random: Random,
): Promise<SigmaAnswer | undefined> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const invokedAt = performance.now();
    const patienceMs = random.chance(0.1) ? random.between(5, 40) : PATIENCE_MS;
    const answer = await send(record, call, random.pick(doors), patienceMs);
    const returnedAt = answer === undefined ? Infinity : performance.now();
    record.operations.push({ input: call, output: answer, invokedAt, returnedAt });
    if (answer !== undefined) return answer;
  }
  return undefined;
}

async function send(
  record: SigmaRecord,
  { kind, id, key }: SigmaCall,
  door: GatewayDoor,
  patienceMs: number,
): Promise<SigmaAnswer | undefined> {
  const reply = await door.send(record, `sigma ${kind}`, kind === 'register' ? [200, 403] : [200], {
    method: kind === 'register' ? 'PUT' : 'DELETE',
    url: `/stream/${record.userId}/${id}`,
    headers: { 'idempotency-key': key },
    patienceMs,
  });
  if (!reply) return undefined;
  if (reply.status === 403) return /limit reached/.test(failure.parse(reply.body).error) ? 'refused' : 'ended';
  const { streams } = listing.parse(reply.body).data;
  if (streams.length > capOf(record.plan)) record.tooMany.push(`${record.userId}: ${streams.join()}`);
  return 'done';
}

export function sigmaRecord(userId: string, plan: Plan): SigmaRecord {
  return { userId, plan, operations: [], tooMany: [] };
}
