import type { Client } from '@temporalio/client';
import { z } from 'zod';
import { createSessionsClient, type SessionsClient } from '../client/sessions.ts';
import { DEFAULT_SESSION_POLICY } from '../contracts/sessions/session-limits.ts';
import { describeEnd } from '../contracts/sessions/session-stream.ts';
import { AUDIT_OPTIONS, auditFields, given } from './audit.ts';
import { defineCommand, oneOperand, twoOperands } from './arguments.ts';
import { EXIT } from './command.ts';
import { evictText, sessionsText } from './session-text.ts';
import { withTemporal } from './temporal.ts';

export const listSessions = defineCommand({
  name: 'sessions list',
  summary: 'List the active streams of a user, and the lately ended ones with the reason',
  operands: '<userId>',
  options: {},
  details: 'A user who was idle for long has no streams and no memory of them.',
  schema: z.object({ operands: oneOperand('user id') }),
  run: ({ operands: userId }, { config, output }) =>
    withTemporal(config, async (client) => {
      output.result(await sessionsOf(client).list(userId), sessionsText);
      return EXIT.done;
    }),
});

export const evictSessions = defineCommand({
  name: 'sessions evict',
  summary: 'End streams of a user',
  operands: '<userId>',
  options: {
    stream: { type: 'string', multiple: true, value: 'ID', help: 'only this one; may be given several times' },
    ...AUDIT_OPTIONS,
  },
  details: `Ends all streams unless --stream names some. Their players are told by whom and why at their next beat; a
registration that counts several slots frees them all. Exit code 1 when a named stream was not active.

Example:
  npm run cli -- sessions evict alice --stream 7f3c --by kim --reason 'lost phone'`,
  schema: z.object({
    operands: oneOperand('user id'),
    stream: z.array(z.string().min(1)).max(400).default([]),
    ...auditFields,
  }),
  run: ({ operands: userId, stream: streamIds, by, reason }, { config, output }) =>
    withTemporal(config, async (client) => {
      const named = streamIds.length === 0 ? {} : { streamIds };
      const reply = await sessionsOf(client).evict(userId, { ...named, ...given({ by, reason }) });
      output.result(reply, evictText);
      return reply.notActive.length === 0 ? EXIT.done : EXIT.failed;
    }),
});

export const releaseSession = defineCommand({
  name: 'sessions release',
  summary: 'Free the slot of one stream, as its player would',
  operands: '<userId> <streamId>',
  options: {},
  details: 'Of a registration that counts several slots, frees one. Exit code 1 when no such stream is known.',
  schema: z.object({ operands: twoOperands('a user id and a stream id') }),
  run: ({ operands: [userId, streamId] }, { config, output }) =>
    withTemporal(config, async (client) => {
      const sessions = sessionsOf(client);
      await sessions.release(userId, streamId);
      const view = await sessions.list(userId);
      const left = view.active.find((stream) => stream.streamId === streamId)?.slots ?? 0;
      const end = view.ended.find((stream) => stream.streamId === streamId)?.end;
      output.result({ userId, streamId, slots: left, ...(end ? { end } : {}) }, () => [
        left > 0 ? `Released; ${left} left of it.` : `Not active any more: ${end ? describeEnd(end) : 'not known'}.`,
      ]);
      return left > 0 || end ? EXIT.done : EXIT.failed;
    }),
});

/** A policy comes with an acquire only, and none is made here. */
function sessionsOf(client: Client): SessionsClient {
  return createSessionsClient({ client, policy: DEFAULT_SESSION_POLICY });
}
