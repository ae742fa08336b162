/** Schedules that once did not converge, and what was wrong then. Replayed before the random ones. */
export const FAILED_SEEDS: readonly { readonly seed: number; readonly fault: string }[] = [];
