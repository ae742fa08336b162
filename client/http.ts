/** Stream sessions over HTTP, for services that do without Temporal: its libraries are not loaded. */
export { createHttpSessionsClient } from './http-sessions.ts';
export type { HttpSessionsClientOptions } from './http-sessions.ts';
export type { AcquireOptions, BeatAnswer, Granted, SessionsClient } from './sessions-client.ts';
export type { HeldStream, HoldOptions } from './session-hold.ts';
export * from './session-errors.ts';
export { describeEnd } from '../contracts/session-stream.ts';
export type { EndedStream, Evictor, StreamEnd, StreamMode, StreamView } from '../contracts/session-stream.ts';
export type {
  EvictReply,
  EvictRequest,
  Release,
  SessionsView,
  ShadowCount,
  Violation,
} from '../contracts/stream-sessions.ts';
