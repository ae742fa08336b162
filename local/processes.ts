import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const POLL_MS = 50;

/** A process as it was noted down: its id alone may meanwhile name another one, so its command line is kept too. */
export interface ProcessNote {
  readonly pid: number;
  readonly command: string;
}

/** The command line of a running process; undefined when there is none of this id (a zombie counts as none). */
export async function commandOf(pid: number): Promise<string | undefined> {
  try {
    if (process.platform === 'linux') {
      const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').join(' ').trim();
      return words === '' ? undefined : words;
    }
    const { stdout } = await run('ps', ['-o', 'args=', '-p', String(pid)]);
    return stdout.trim() || undefined;
  } catch {
    return undefined;
  }
}

/** @throws Error when no such process runs */
export async function noteProcess(pid: number): Promise<ProcessNote> {
  const command = await commandOf(pid);
  if (command === undefined) throw new Error(`no process ${pid} is running`);
  return { pid, command };
}

/** True when the very process of the note still runs. */
export async function isRunning(note: ProcessNote): Promise<boolean> {
  return (await commandOf(note.pid)) === note.command;
}

/**
 * Ends a process noted earlier, and never any other: SIGTERM, then SIGKILL after the grace.
 * @returns whether it was running
 */
export async function endNotedProcess(note: ProcessNote, graceMs: number): Promise<boolean> {
  if (!(await isRunning(note))) return false;
  signal(note.pid, 'SIGTERM');
  if (await hasEnded(note, graceMs)) return true;
  signal(note.pid, 'SIGKILL');
  await hasEnded(note, graceMs);
  return true;
}

async function hasEnded(note: ProcessNote, withinMs: number): Promise<boolean> {
  const deadline = Date.now() + withinMs;
  while (await isRunning(note)) {
    if (Date.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended between the look and the signal.
  }
}
