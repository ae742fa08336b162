import type { AnyCommand } from './command.ts';

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** Loaded when it is needed: the parts of Temporal and AWS take a second. */
  readonly load: () => Promise<AnyCommand>;
}

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'events list',
    summary: 'list events by status or query',
    load: async () => (await import('./event-listing.ts')).listEvents,
  },
  {
    name: 'events show',
    summary: 'show all that is known of one event',
    load: async () => (await import('./event-listing.ts')).showEvent,
  },
  {
    name: 'events retry',
    summary: 'write a parked event again',
    load: async () => (await import('./event-decisions.ts')).retryEvent,
  },
  {
    name: 'events skip',
    summary: 'give a parked event up',
    load: async () => (await import('./event-decisions.ts')).skipEvent,
  },
  {
    name: 'events release',
    summary: 'retry or skip all parked events of a query, paced',
    load: async () => (await import('./event-decisions.ts')).releaseEvents,
  },
  {
    name: 'dead-letters list',
    summary: 'list what stands in the dead-letter queues, with the reasons',
    load: async () => (await import('./dead-letter-listing.ts')).listDeadLetters,
  },
  {
    name: 'dead-letters show',
    summary: 'show one dead letter as it was sent',
    load: async () => (await import('./dead-letter-listing.ts')).showDeadLetter,
  },
  {
    name: 'dead-letters redrive',
    summary: 'send dead letters back to their queue, paced',
    load: async () => (await import('./dead-letter-decisions.ts')).redriveDeadLetters,
  },
  {
    name: 'dead-letters purge',
    summary: 'delete dead letters for good',
    load: async () => (await import('./dead-letter-decisions.ts')).purgeDeadLetters,
  },
  {
    name: 'sessions list',
    summary: 'list the streams of a user, and the lately ended ones',
    load: async () => (await import('./session-commands.ts')).listSessions,
  },
  {
    name: 'sessions evict',
    summary: 'end streams of a user, all of them or the named ones',
    load: async () => (await import('./session-commands.ts')).evictSessions,
  },
  {
    name: 'sessions release',
    summary: 'free the slot of one stream, as its player would',
    load: async () => (await import('./session-commands.ts')).releaseSession,
  },
  {
    name: 'blocks list',
    summary: 'list whom the gateways refuse, and why',
    load: async () => (await import('./block-commands.ts')).listBlocks,
  },
  {
    name: 'blocks add',
    summary: 'refuse a user, a device, an address or network, or a token',
    load: async () => (await import('./block-commands.ts')).addBlock,
  },
  {
    name: 'blocks remove',
    summary: 'lift a block',
    load: async () => (await import('./block-commands.ts')).removeBlock,
  },
  {
    name: 'replay',
    summary: 'replay histories against the present workflow code',
    load: async () => (await import('./replay-command.ts')).replayHistories,
  },
];
