import type { Payload } from '@temporalio/common';

/** One way to send an argument by hand, by a program of another language, or by a batch. */
export interface SentArgument {
  readonly name: string;
  /** Undefined: no input at all. */
  readonly payloads: readonly Payload[] | undefined;
  /** Whether it says something that an operator's request may say, nothing included. */
  readonly isRequest: boolean;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

export function payload(encoding: string | undefined, data: string): Payload {
  return { metadata: encoding === undefined ? {} : { encoding: bytes(encoding) }, data: bytes(data) };
}

const argument = (name: string, isRequest: boolean, ...payloads: readonly Payload[]): SentArgument => ({
  name,
  payloads,
  isRequest,
});

/** Everything that may come instead of `{"by": "...", "reason": "..."}`. */
export const SENT_ARGUMENTS: readonly SentArgument[] = [
  { name: 'none', payloads: undefined, isRequest: true },
  argument('an empty list', true),
  argument('null', true, payload('json/plain', 'null')),
  argument('an object', true, payload('json/plain', '{"by":"kim","reason":"mended"}')),
  argument('an object of other fields', true, payload('json/plain', '{"by":7,"reason":{"a":[1]},"__proto__":{"x":1}}')),
  argument('a text', false, payload('json/plain', '"please"')),
  argument('a number', false, payload('json/plain', '7')),
  argument('a truth', false, payload('json/plain', 'true')),
  argument('a list', false, payload('json/plain', '[{"by":"kim"}]')),
  argument('an object and more', true, payload('json/plain', '{"by":"kim"}'), payload('json/plain', '2')),
  argument('JSON that is none', false, payload('json/plain', '{by: kim}')),
  argument('no JSON at all', false, payload('json/plain', '')),
  argument('deeply nested JSON', false, payload('json/plain', '['.repeat(20_000) + ']'.repeat(20_000))),
  argument('100 KB of JSON', true, payload('json/plain', JSON.stringify({ by: 'k'.repeat(100_000) }))),
  argument('100 KB that is none', false, payload('json/plain', 'k'.repeat(100_000))),
  argument('JSON of the Web UI', true, payload('json/protobuf', '{"by":"kim"}')),
  argument('JSON of the Web UI that is none', false, payload('json/protobuf', '{by: kim}')),
  argument('bytes', false, payload('binary/plain', 'kim')),
  argument('bytes of nothing', true, payload('binary/null', '')),
  argument('protocol buffers', false, payload('binary/protobuf', 'kim')),
  argument('something encrypted', false, payload('binary/encrypted', 'kim')),
  argument('an encoding nobody knows', false, payload('text/kim', '{}')),
  argument('no encoding', false, payload(undefined, '{}')),
  argument('no metadata', false, { data: bytes('{}') }),
  argument('nothing in it', false, {}),
];
