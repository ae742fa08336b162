import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

/** Slots taken in an account; registered on the namespace before its workflow starts, see `names.ts`. */
export const activeStreamsKey = defineSearchAttributeKey('ActiveStreams', SearchAttributeType.INT);
