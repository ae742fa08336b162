import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionsClient } from '../../../client/sessions.ts';
import type { AccountRecord } from './account-record.ts';

export interface LeakReport {
  /** Slots that were found taken by nobody who beats, after the faults. */
  readonly foundTaken: number;
  /** From the end of the faults, or the player's last beat where that is later, to its slot being free, milliseconds. */
  readonly worstMs: number;
  /** Accounts that did not come to hold exactly the streams of those who beat. */
  readonly faults: readonly string[];
  /** Their users. */
  readonly stuck: readonly string[];
}

const LOOK_EVERY_MS = 250;
const ACCOUNTS_AT_ONCE = 8;

/** Looks at all accounts until each holds exactly the streams whose players beat, the latest accounts first. */
export async function waitForFreeSlots(
  records: readonly AccountRecord[],
  sessions: Pick<SessionsClient, 'list'>,
  faultsOverAt: number,
  timeoutMs: number,
): Promise<LeakReport> {
  const deadline = performance.now() + timeoutMs;
  const queue = records.toReversed();
  const faults: string[] = [];
  const stuck: string[] = [];
  let foundTaken = 0;
  let worstMs = 0;
  const watch = async (record: AccountRecord): Promise<void> => {
    const taken = new Set<string>();
    for (;;) {
      const { active, error } = await sessions.list(record.userId).then(
        ({ active }) => ({ active, error: undefined }),
        (error: unknown) => ({ active: undefined, error: describe(error) }),
      );
      const now = performance.now();
      const devices = active?.map((stream) => record.see(stream));
      const nobody = devices?.filter((device) => record.streams.get(device)?.playing !== true);
      for (const device of nobody ?? []) taken.add(device);
      for (const device of devices && nobody ? taken : []) {
        if (nobody?.includes(device) === true) continue;
        taken.delete(device);
        foundTaken += 1;
        worstMs = Math.max(worstMs, now - Math.max(faultsOverAt, lastAliveAt(record, device)));
      }
      const missing = [...record.streams.values()].filter(
        ({ playing, device, told }) => playing && !told && devices?.includes(device) !== true,
      );
      if (devices && taken.size === 0 && missing.length === 0) return;
      if (now > deadline) {
        const lost = missing.map(({ device }) => device).join();
        const held = error ?? JSON.stringify((active ?? []).filter(({ deviceId }) => taken.has(deviceId)));
        stuck.push(record.userId);
        faults.push(`${record.userId}: taken by nobody: ${held}; playing without a slot: ${lost || 'none'}`);
        return;
      }
      await sleep(LOOK_EVERY_MS);
    }
  };
  const work = async (): Promise<void> => {
    for (let record = queue.shift(); record; record = queue.shift()) await watch(record);
  };
  await Promise.all(Array.from({ length: ACCOUNTS_AT_ONCE }, work));
  return { foundTaken, worstMs, faults, stuck };
}

function lastAliveAt(record: AccountRecord, device: string): number {
  const { alive = [] } = record.streams.get(device) ?? {};
  return alive.reduce((last, { returnedAt }) => Math.max(last, returnedAt), 0);
}

/** With what is behind it. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message} < ${describe(error.cause)}`;
}
