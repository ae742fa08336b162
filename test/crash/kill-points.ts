/**
 * Where a worker process can be killed: at an await, in whose time something else may happen instead of its answer.
 *
 * `stream`: a request to GetStream. `temporal`: a call to Temporal from inside an activity, such as the lookup of a parent.
 * `task`: the completion of a workflow task that decided something.
 */
export type Site = 'stream' | 'temporal' | 'task';

/** `before` it is sent; `sent`, before the answer; `after` the answer came. When a call to Temporal is sent the SDK does not tell. */
export type Phase = 'before' | 'sent' | 'after';

/** A moment of an await. */
export interface KillPoint {
  readonly site: Site;
  readonly phase: Phase;
  /** From 1 on, among the awaits of this site and label. */
  readonly nth: number;
  /** Such as `POST /reaction/`, `describeWorkflowExecution`, `startTimer, upsertWorkflowSearchAttributes`. */
  readonly label: string;
}

/** What a worker process is told through the file that `CRASH_PLAN` names: counts begin anew with each `id`. */
export interface CrashPlan {
  readonly id: string;
  readonly kill?: KillPoint;
}

/** A moment that was passed, a line of the file `CRASH_LOG`. */
export interface PassedMoment extends KillPoint {
  readonly id: string;
}

export function describeKillPoint({ nth, label, phase }: KillPoint): string {
  return `${label}${nth > 1 ? ` (${nth})` : ''}, ${phase}`;
}
