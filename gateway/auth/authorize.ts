import type { Caller } from './caller.ts';

/** What a service's token may allow, among the space-separated names of its claim `scope`. */
export const SCOPES = {
  /** Acts for any user. */
  streams: 'streams',
  /** Reads and changes the blacklist. */
  blacklist: 'blacklist',
} as const;
export type Scope = (typeof SCOPES)[keyof typeof SCOPES];

export function hasScope({ scopes }: Caller, scope: Scope): boolean {
  return scopes.has(scope);
}

/** A user's token acts for its own subject; letter case and every other form of the id counts. */
export function mayActFor(caller: Caller, userId: string): boolean {
  return caller.subject === userId || hasScope(caller, SCOPES.streams);
}

/** Whether the token may be used for this device: false when it is bound to another one. */
export function mayUseDevice({ deviceId: bound }: Caller, deviceId: string): boolean {
  return bound === undefined || bound === deviceId;
}
