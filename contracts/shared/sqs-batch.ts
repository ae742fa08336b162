import type { BatchResultErrorEntry } from '@aws-sdk/client-sqs';

/** Why one entry of a batch failed. */
export interface EntryFailure {
  readonly code: string;
  /** The same entry would fail again: its receipt is stale, or the request itself is at fault. */
  readonly final: boolean;
}

interface BatchOutput {
  readonly Successful?: readonly { readonly Id?: string | undefined }[] | undefined;
  readonly Failed?: readonly BatchResultErrorEntry[] | undefined;
}

/** Entry ids are the positions in the batch: unlike message ids they are distinct even when one message came twice. */
export function entryId(index: number): string {
  return String(index);
}

/** Matches a batch answer to its items. An item the answer does not mention counts as failed, not as done. */
export function failuresOf<Item>(items: readonly Item[], output: BatchOutput): ReadonlyMap<Item, EntryFailure> {
  const succeeded = new Set(output.Successful?.map(({ Id }) => Id));
  const failed = new Map(output.Failed?.map((entry) => [entry.Id, entry]));
  const failures = new Map<Item, EntryFailure>();
  for (const [index, item] of items.entries()) {
    const id = entryId(index);
    if (!succeeded.has(id)) failures.set(item, toFailure(failed.get(id)));
  }
  return failures;
}

/** The codes of {@link failuresOf} alone. */
export function failureCodesOf<Item>(items: readonly Item[], output: BatchOutput): ReadonlyMap<Item, string> {
  return new Map(Array.from(failuresOf(items, output), ([item, { code }]) => [item, code]));
}

function toFailure(entry: BatchResultErrorEntry | undefined): EntryFailure {
  const code = entry?.Code ?? 'NotMentioned';
  return { code, final: entry?.SenderFault === true && !/thrott/i.test(code) };
}
