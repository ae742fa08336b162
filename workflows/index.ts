// Temporal takes the workflow types of a bundle from the exports of one module.
export { askStreamWatchers } from './ask-stream-watchers.ts';
export { socialEvent } from './social-event.ts';
export { streamSessions } from './stream-sessions.ts';
