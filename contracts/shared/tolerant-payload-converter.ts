import { defaultPayloadConverter, type Payload, type PayloadConverter } from '@temporalio/common';

/** Stands for a payload that nobody here can read; never equal to anything a message may hold. */
export class UnreadablePayload {
  /** The payload's encoding, such as `binary/encrypted`; empty when it bears none. */
  readonly encoding: string;

  constructor(encoding: string) {
    this.encoding = encoding;
  }
}

/** What the Web UI sends for JSON when the operator leaves its encoding selector alone. */
const JSON_PROTOBUF = 'json/protobuf';

/**
 * The SDK's default converter, except that reading never throws. An argument that cannot be decoded would fail the workflow
 * task for ever [SDK 1.24: `arrayFromPayloads` runs before any handler], and whoever may send a signal may send any bytes.
 */
class TolerantPayloadConverter implements PayloadConverter {
  toPayload(value: unknown): Payload {
    return defaultPayloadConverter.toPayload(value);
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as the SDK's interface has it
  fromPayload<Value>(payload: Payload): Value {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what arrives is checked by whoever reads it
    return readPayload(payload) as Value;
  }
}

/** The value of a payload; an {@link UnreadablePayload} when it cannot be decoded. */
export function readPayload(payload: Payload | null | undefined): unknown {
  const encoding = textOf(payload?.metadata?.['encoding']);
  try {
    if (!payload) return undefined;
    if (encoding === JSON_PROTOBUF) return JSON.parse(textOf(payload.data));
    return defaultPayloadConverter.fromPayload(payload);
  } catch {
    return new UnreadablePayload(encoding);
  }
}

/** protobufjs makes a plain empty array of bytes that are left out, which no decoder takes. */
function textOf(bytes: unknown): string {
  if (!ArrayBuffer.isView(bytes)) return '';
  return new TextDecoder().decode(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

/** Under the name the SDK looks for in a bundle's `payloadConverterPath`. */
export const payloadConverter: PayloadConverter = new TolerantPayloadConverter();
