import { v5 as uuidV5 } from 'uuid';

/** Namespace of the UUIDv5 ids; a change would detach every reaction written before. */
const REACTION_ID_NAMESPACE = 'b0c1c8e2-7a7f-5d0e-9c1d-2f6c1b7a4e53';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Id of the reaction on GetStream: `Data3` itself, in small letters, when it is a UUID, else a UUIDv5 of it. */
export function reactionIdOf(data3: string): string {
  return UUID.test(data3) ? data3.toLowerCase() : uuidV5(data3, REACTION_ID_NAMESPACE);
}
