/** Schedules that once did not converge, and what was wrong then. Played with the random ones. */
export const FAILED_SEEDS: readonly { readonly seed: number; readonly fault: string }[] = [
  {
    seed: 284_269,
    fault: 'what a lost first workflow task wrote stood, though its event was superseded by one given up',
  },
  {
    seed: 284_524,
    fault: 'a run was terminated before it learned of its reset, and what the run before it had taken was lost',
  },
  { seed: 284_721, fault: 'a run that was reset took what another had written for its own' },
  {
    seed: 284_730,
    fault: 'a patch was asked for after a local activity, and a worker shut down in between: no replay any more',
  },
  { seed: 284_747, fault: 'a continued run without a memo was read as one of an earlier version' },
  { seed: 284_878, fault: 'a run that was reset continued as new, or closed, before it had asked the others' },
  { seed: 284_979, fault: 'a run that was reset to its cancellation dropped what other runs had taken in since' },
  {
    seed: 285_452,
    fault: 'what an operator skipped, and could not be taken back, was written again by the schedule of retries',
  },
  { seed: 51_953, fault: 'the judge counted an answer that was lost with its workflow task' },
  { seed: 284_117, fault: 'a continued run began with an empty workflow task and replayed an update before its start' },
];
