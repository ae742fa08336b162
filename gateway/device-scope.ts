import type { EvictReply, EvictRequest, SessionsView } from '../contracts/sessions/stream-sessions.ts';
import { evictedBy, mayUseDevice, requireDevice } from './auth/authorize.ts';
import type { Caller } from './auth/caller.ts';
import type { StreamWatch } from './watch/stream-watch.ts';

type Accounts = Pick<StreamWatch, 'list' | 'evict'>;

/** What a token may see of an account: one that is bound to a device, only its streams. Counts are of the whole account. */
export function visibleTo(caller: Caller, view: SessionsView): SessionsView {
  const isOwn = ({ deviceId }: { readonly deviceId: string }) => mayUseDevice(caller, deviceId);
  return { ...view, active: view.active.filter(isOwn), ended: view.ended.filter(isOwn) };
}

/**
 * Lets a token end these streams, of which it knows the ids only: those that are active must be its device's. An id belongs
 * to one device for as long as it is remembered, so nothing changes between this and the end.
 *
 * @throws Problem (`forbidden`), SessionsUnavailableError
 */
export async function requireOwnStreams(
  accounts: Pick<StreamWatch, 'list'>,
  caller: Caller,
  userId: string,
  streamIds: readonly string[],
): Promise<void> {
  if (caller.deviceId === undefined || streamIds.length === 0) return;
  const { active } = await accounts.list(userId);
  for (const { streamId, deviceId } of active) if (streamIds.includes(streamId)) requireDevice(caller, deviceId);
}

/**
 * Ends the named streams, or all that the token may end, in the name of whom it speaks for.
 *
 * @throws Problem (`forbidden`), SessionsUnavailableError
 */
export async function evictAs(
  caller: Caller,
  accounts: Accounts,
  userId: string,
  { streamIds, by, reason }: EvictRequest,
): Promise<EvictReply> {
  const who = { by: evictedBy(caller, by), ...(reason === undefined ? {} : { reason }) };
  if (streamIds) await requireOwnStreams(accounts, caller, userId, streamIds);
  if (streamIds || caller.deviceId === undefined)
    return await accounts.evict(userId, { ...(streamIds === undefined ? {} : { streamIds }), ...who });
  const own = visibleTo(caller, await accounts.list(userId)).active.map(({ streamId }) => streamId);
  return own.length === 0 ? { evicted: [], notActive: [] } : await accounts.evict(userId, { streamIds: own, ...who });
}
