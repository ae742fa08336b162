import { describeEnd, type EndedStream, type StreamView } from '../contracts/sessions/session-stream.ts';
import type { EvictReply, SessionsView } from '../contracts/sessions/stream-sessions.ts';
import { counted, formatTable, formatTime } from './table.ts';

export function sessionsText({ active, ended, slots, limit }: SessionsView): string[] {
  const head = limit === undefined ? counted(slots, 'slot') : `${slots} of ${counted(limit, 'slot')}`;
  return [
    active.length === 0 ? 'No active streams.' : `${head} in use`,
    ...(active.length === 0 ? [] : ['', ...activeTable(active)]),
    ...(ended.length === 0 ? [] : ['', 'lately ended', '', ...endedTable(ended)]),
  ];
}

export function evictText({ evicted, notActive }: EvictReply): string[] {
  return [
    evicted.length === 0 ? 'Nothing was evicted.' : `Evicted ${counted(evicted.length, 'stream')}.`,
    ...(evicted.length === 0 ? [] : ['', ...endedTable(evicted)]),
    ...(notActive.length === 0 ? [] : ['']),
    ...notActive.map(({ streamId, end }) => `not active: ${streamId} (${end ? describeEnd(end) : 'not known'})`),
  ];
}

function activeTable(streams: readonly StreamView[]): string[] {
  const rows = streams.map((stream) => [
    stream.streamId,
    stream.deviceId,
    stream.deviceType ?? '-',
    stream.contentId ?? '-',
    String(stream.slots),
    formatTime(new Date(stream.startedAt)),
    formatTime(new Date(stream.leaseEndsAt)),
    stream.ending ? `${stream.mode}, ${describeEnd(stream.ending.end)}` : stream.mode,
  ]);
  return formatTable(['STREAM', 'DEVICE', 'TYPE', 'CONTENT', 'SLOTS', 'STARTED', 'LEASE ENDS', 'MODE'], rows);
}

function endedTable(streams: readonly EndedStream[]): string[] {
  const rows = streams.map(({ streamId, deviceId, endedAt, end }) => [
    streamId,
    deviceId,
    formatTime(new Date(endedAt)),
    describeEnd(end),
  ]);
  return formatTable(['STREAM', 'DEVICE', 'ENDED', 'WHY'], rows);
}
