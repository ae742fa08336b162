import { readFile } from 'node:fs/promises';

/** Of a process up to now; NaN where the system has no /proc. */
export interface Usage {
  readonly cpuSeconds: number;
  readonly rssBytes: number;
}

/** USER_HZ, which is 100 on every Linux. */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4_096;

export async function usageOf(pid: number): Promise<Usage> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // Behind the name, which may hold anything: fields 14, 15 and 24 of proc(5).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
    return { cpuSeconds, rssBytes: Number(fields[21]) * PAGE_BYTES };
  } catch {
    return { cpuSeconds: NaN, rssBytes: NaN };
  }
}
