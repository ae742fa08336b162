// Temporal takes the workflow types of a bundle from the exports of one module.
export { askStreamWatchers } from './sessions/ask-stream-watchers.ts';
export { socialEvent } from './events/social-event.ts';
export { streamSessions } from './sessions/stream-sessions.ts';
