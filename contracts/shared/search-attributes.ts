import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

/** Typed keys of the search attributes of `names.ts`; they must be registered on the namespace before a workflow starts. */
export const eventKindKey = defineSearchAttributeKey('EventKind', SearchAttributeType.KEYWORD);
export const eventStatusKey = defineSearchAttributeKey('EventStatus', SearchAttributeType.KEYWORD);
export const eventActorKey = defineSearchAttributeKey('EventActor', SearchAttributeType.KEYWORD);
export const eventFailureKey = defineSearchAttributeKey('EventFailure', SearchAttributeType.KEYWORD);
/** Slots taken in an account. */
export const activeStreamsKey = defineSearchAttributeKey('ActiveStreams', SearchAttributeType.INT);
