import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readPayload, UnreadablePayload, payloadConverter } from '../../contracts/shared/tolerant-payload-converter.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const payload = (encoding: string, data: string) => ({ metadata: { encoding: bytes(encoding) }, data: bytes(data) });

describe('reading a payload', () => {
  it('reads JSON as programs and the Web UI send it, and nothing as nothing', () => {
    assert.deepEqual(readPayload(payload('json/plain', '{"by":"kim"}')), { by: 'kim' });
    assert.deepEqual(readPayload(payload('json/protobuf', '{"by":"kim"}')), { by: 'kim' });
    assert.equal(readPayload(payload('binary/null', '')), undefined);
    assert.equal(readPayload(undefined), undefined);
    assert.equal(readPayload(null), undefined);
    assert.deepEqual(readPayload(payload('binary/plain', 'x')), bytes('x'));
  });

  it('tells what nobody can read by its encoding, and throws for none', () => {
    for (const [encoding, data] of [
      ['json/plain', '{by: kim}'],
      ['json/plain', ''],
      ['json/protobuf', '{by: kim}'],
      ['binary/protobuf', 'x'],
      ['binary/encrypted', 'x'],
      ['json/plain; charset=utf-8', '{}'],
      ['', '{}'],
    ] as const) {
      const read = readPayload(payload(encoding, data));
      assert.ok(read instanceof UnreadablePayload, encoding);
      assert.equal(read.encoding, encoding);
    }
    for (const bare of [{}, { metadata: {} }, { data: bytes('{}') }, { metadata: null, data: null }])
      assert.ok(readPayload(bare) instanceof UnreadablePayload);
    const encodings = fc.constantFrom('json/plain', 'json/protobuf', 'binary/protobuf', 'binary/plain', 'x');
    fc.assert(
      fc.property(fc.oneof(encodings, fc.string()), fc.uint8Array(), (encoding, data) => {
        readPayload({ metadata: { encoding: bytes(encoding) }, data });
      }),
    );
  });

  it('gives back what it wrote', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const read: unknown = payloadConverter.fromPayload(payloadConverter.toPayload(value));
        assert.deepEqual(read, JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
