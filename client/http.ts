/** Stream sessions over HTTP, for services that do without Temporal: its libraries are not loaded. */
export { BLOCK_KINDS, createHttpBlocksClient } from './http-blocks.ts';
export type { Block, BlockKind, BlockRequest, HttpBlocksClient } from './http-blocks.ts';
export { createHttpSessionsClient } from './http-sessions.ts';
export type { BatchedBeat, HttpSessionsClient, HttpSessionsClientOptions, StreamOfUser } from './http-sessions.ts';
export type {
  AcquireOptions,
  BeatAnswer,
  ContentSwitched,
  Granted,
  SessionsClient,
  StreamsOf,
} from './sessions-client.ts';
export { describeHoldEnd } from './session-hold.ts';
export type { HeldStream, HoldEnd, HoldOptions } from './sessions-client.ts';
export * from './session-errors.ts';
export { describeEnd } from '../contracts/sessions/session-stream.ts';
export type {
  ActiveStream,
  EndedStream,
  Evictor,
  StreamEnd,
  StreamMode,
  StreamView,
} from '../contracts/sessions/session-stream.ts';
export type {
  EvictReply,
  EvictRequest,
  Release,
  SessionsView,
  ShadowCount,
  Violation,
} from '../contracts/sessions/stream-sessions.ts';
