import assert from 'node:assert/strict';
import proto from '@temporalio/proto';
import fc from 'fast-check';
import { readPayload, UnreadablePayload } from '../../contracts/shared/tolerant-payload-converter.ts';

const { Payload } = proto.temporal.api.common.v1;
const ENCODINGS = [
  'json/plain',
  'json/protobuf',
  'binary/null',
  'binary/plain',
  'binary/protobuf',
  'binary/encrypted',
  '',
];

/** As a worker gets it: the SDK's core, in Rust, leaves out what is empty, also inside the entries of a map [prost 0.14]. */
function overTheWire(metadata: Readonly<Record<string, Uint8Array>>, data: Uint8Array = Buffer.alloc(0)) {
  const entries = Object.entries(metadata).map(([key, value]) =>
    field(1, Buffer.concat([field(1, Buffer.from(key)), field(2, value)])),
  );
  return Payload.decode(Buffer.concat([...entries, field(2, data)]));
}

/** A field of bytes in protobuf's encoding, shorter than 16 KiB; nothing when there are none. */
function field(number: number, bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) return bytes;
  const tag = (number << 3) | 2;
  return Buffer.concat([Uint8Array.of(tag, (bytes.length & 0x7f) | 0x80, bytes.length >> 7), bytes]);
}

describe('the payload converter of the workflow bundle', () => {
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);

  it('reads JSON, whoever encoded it', () => {
    for (const encoding of ['json/plain', 'json/protobuf']) {
      assert.deepEqual(readPayload(overTheWire({ encoding: text(encoding) }, text('{"by": "eve"}'))), { by: 'eve' });
    }
  });

  it('throws at no payload that can be sent, empty bytes and fields left out included', () => {
    const bytes = fc.uint8Array({ maxLength: 20 });
    const encoding = fc.oneof(fc.constantFrom(...ENCODINGS).map(text), bytes);
    const metadata = fc.oneof(
      fc.constant({}),
      fc.record({ encoding }),
      fc.dictionary(fc.constantFrom('encoding', 'messageType', '', '__proto__'), fc.oneof(encoding, bytes)),
    );
    const data = fc.option(fc.oneof(bytes, fc.json().map(text)), { nil: undefined });
    fc.assert(fc.property(metadata, data, (fields, content) => void readPayload(overTheWire(fields, content))));
  });

  it('gives a stand-in for what it cannot read', () => {
    const unreadable = [
      overTheWire({}),
      overTheWire({ encoding: text('') }, text('{}')),
      overTheWire({ encoding: text('json/plain') }),
      overTheWire({ encoding: text('json/plain') }, text('{')),
      overTheWire({ encoding: text('binary/encrypted') }, text('x')),
    ];
    for (const payload of unreadable) assert.ok(readPayload(payload) instanceof UnreadablePayload);
  });
});
