import { Problem } from '../problem.ts';
import type { Caller } from './caller.ts';

/** What a service's token may allow, among the names of its scopes. */
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

/** Whether the token is of a service or an operator, not of a user. */
export function isService(caller: Caller): boolean {
  return Object.values(SCOPES).some((scope) => hasScope(caller, scope));
}

/** A user's token acts for its own subject; letter case and every other form of the id counts. */
export function mayActFor(caller: Caller, userId: string): boolean {
  return caller.subject === userId || hasScope(caller, SCOPES.streams);
}

/** Whether the token may be used for this device: false when it is bound to another one. */
export function mayUseDevice({ deviceId: bound }: Caller, deviceId: string): boolean {
  return bound === undefined || bound === deviceId;
}

/** @throws Problem (`forbidden`) when the token is bound to another device */
export function requireDevice(caller: Caller, deviceId: string): void {
  if (!mayUseDevice(caller, deviceId)) throw new Problem('forbidden', 'the token is bound to another device');
}

/** In whose name a stream is ended: a service may act for somebody else, a user's token speaks for its subject alone. */
export function evictedBy(caller: Caller, by: string | undefined): string {
  return hasScope(caller, SCOPES.streams) ? (by ?? caller.subject) : caller.subject;
}
