/** What services import. `http.ts` and `lease-verifier.ts` are parts of it that can be had without the rest. */
export { createEventsClient } from './events.ts';
export type { EventsClient, EventsClientOptions, EventSelection } from './events.ts';
export * from './event-errors.ts';
export type { EventInfo, EventInspection } from './event-info.ts';
export type { PendingActivity, RunFacts, TaskFailure } from './run-facts.ts';
export type { OperatorAction, ReleaseOptions, ReleaseProgress, ReleaseResult, UnansweredEvent } from './release.ts';
export type { EventView, OperatorReply, OperatorRequest } from '../contracts/events/event-workflow.ts';

export { createSessionsClient } from './sessions.ts';
export type { SessionsClientOptions } from './sessions.ts';
export { InvalidSessionPolicyError, parseSessionPolicy } from '../contracts/sessions/session-policy.ts';
export type { SessionCaps, SessionPolicy, SessionRules } from '../contracts/sessions/session-limits.ts';
export * from './http.ts';

export * from './lease-verifier.ts';
