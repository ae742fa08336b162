import type { temporal } from '@temporalio/proto';
import type { SocialEvent } from '../../contracts/events/social-event.ts';

type Payload = temporal.api.common.v1.IPayload;

/**
 * Arguments that make no sense, as the Web UI, the CLI, batches and other SDKs may send them. None of them is an event of the
 * edge it is sent to that was not published.
 */
const BAD_PAYLOADS = {
  none: () => [],
  'no metadata': () => [{ data: bytes('"bare"') }],
  'no data': () => [{ metadata: { encoding: bytes('json/plain') } }],
  'empty encoding': () => [encoded('', '{}')],
  'unknown encoding': () => [encoded('application/x-nobody', '{}')],
  'malformed JSON': () => [encoded('json/plain', '{"by": "eve", ')],
  'JSON that is no UTF-8': () => [
    { metadata: { encoding: bytes('json/plain') }, data: Uint8Array.of(0x22, 0xff, 0x22) },
  ],
  'json/protobuf': () => [encoded('json/protobuf', '{"by": "web ui", "reason": "by hand"}')],
  'malformed json/protobuf': () => [encoded('json/protobuf', '{{')],
  'binary/null': () => [encoded('binary/null', '')],
  'binary/plain': () => [{ metadata: { encoding: bytes('binary/plain') }, data: Uint8Array.of(0, 1, 255) }],
  'binary/protobuf': () => [{ metadata: { encoding: bytes('binary/protobuf') }, data: Uint8Array.of(255, 255) }],
  'binary/encrypted': () => [encoded('binary/encrypted', 'c2VjcmV0')],
  number: () => [json(5)],
  text: () => [json('please')],
  list: () => [json([{ by: 'eve' }])],
  null: () => [json(null)],
  'fields of other types': () => [json({ by: 1, reason: { why: [] } })],
  'a very long text': () => [json({ by: 'e'.repeat(200_000), reason: 'long' })],
  'a prototype': () => [encoded('json/plain', '{"__proto__": {"by": "eve"}, "constructor": 1}')],
  'deep nesting': () => [encoded('json/plain', `${'['.repeat(2_000)}${']'.repeat(2_000)}`)],
  'two arguments': () => [json({ by: 'eve' }), json({ by: 'adam' })],
  'an event without its fields': (event) => [json({ kind: event?.kind, eventTimeMicros: 9e15 })],
  'an event of no time': (event) => [json({ ...event, eventTimeMicros: 'soon' })],
  'an event before all time': (event) => [json({ ...event, eventTimeMicros: -5 })],
  'an event of another edge': (event) => [
    json({ ...event, eventTimeMicros: 9e15, source: 'timeline:nobody', edgeId: 'nobody', reactionId: 'nobody' }),
  ],
  'an event of no known action': (event) => [json({ ...event, eventTimeMicros: 9e15, action: 'Shout' })],
  'the event again': (event) => [json(event)],
} as const satisfies Record<string, (event: SocialEvent | undefined) => Payload[]>;

export type BadPayloadName = keyof typeof BAD_PAYLOADS;

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of the table just above
export const EVERY_BAD_PAYLOAD = Object.keys(BAD_PAYLOADS) as BadPayloadName[];

/** @param event what the run was started with, where that could be read */
export function badPayloads(name: BadPayloadName, event?: SocialEvent): Payload[] {
  return BAD_PAYLOADS[name](event);
}

function json(value: unknown): Payload {
  return encoded('json/plain', JSON.stringify(value) ?? '');
}

function encoded(encoding: string, data: string): Payload {
  return { metadata: { encoding: bytes(encoding) }, data: bytes(data) };
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
