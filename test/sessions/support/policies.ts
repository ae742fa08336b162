import { DEFAULT_SESSION_POLICY, type SessionPolicy } from '../../../contracts/sessions/session-limits.ts';
import type { AcquireRequest } from '../../../contracts/sessions/stream-sessions.ts';

/** The default policy with some of it changed. */
export function policyWith(change: Partial<SessionPolicy> = {}): SessionPolicy {
  return { ...DEFAULT_SESSION_POLICY, ...change };
}

/** An acquire from a device of the stream's own. */
export function wish(streamId: string, more: Partial<AcquireRequest> = {}): AcquireRequest {
  return { streamId, deviceId: `device of ${streamId}`, ...more };
}
