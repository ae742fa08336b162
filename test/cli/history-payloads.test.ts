import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { refusalOf } from './support.ts';

const HISTORIES = path.join(import.meta.dirname, '../histories');
const RECORDED = [HISTORIES, path.join(HISTORIES, 'tctl')].flatMap((folder) =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => path.join(folder, file)),
);

interface Payload {
  readonly metadata: Readonly<Record<string, string>>;
  readonly data: string;
}

const plain = (base64: string): string => Buffer.from(base64, 'base64').toString();
const valueOf = ({ data }: Payload): unknown => JSON.parse(plain(data));
const readable = (metadata: Payload['metadata']) =>
  Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, plain(value)]));

/** How programs show payloads to people; each gives what stands in place of one. */
const DECODERS: Readonly<Record<string, (payload: Payload) => unknown>> = {
  'its value (older Web UI, shorthand of the CLI)': valueOf,
  'its data as a value, metadata readable (Web UI)': (payload) => ({
    metadata: readable(payload.metadata),
    data: valueOf(payload),
  }),
  'its data as a value, metadata with encodingDecoded': (payload) => ({
    metadata: { ...payload.metadata, encodingDecoded: 'json/plain' },
    data: valueOf(payload),
  }),
  'its data as a value': (payload) => ({ ...payload, data: valueOf(payload) }),
  'its data as text': (payload) => ({ ...payload, data: plain(payload.data) }),
  'readable metadata': (payload) => ({ ...payload, metadata: readable(payload.metadata) }),
  'its value and a type': (payload) => ({ ...payload, data: { type: 'json', value: valueOf(payload) } }),
};

/** Whether it is one that can be decoded and written again: by hand anything is sent, nested to any depth. */
function isPayload(value: unknown): value is Payload {
  const encoding = plain(String(Reflect.get(Object(Reflect.get(Object(value), 'metadata')), 'encoding') ?? ''));
  const data: unknown = Reflect.get(Object(value), 'data');
  return encoding === 'json/plain' && typeof data === 'string' && isJson(plain(data));
}

function isJson(text: string): boolean {
  if (/[[{]{500}/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Puts other values in place of the payloads, where `where` says so. */
function decoded(
  json: unknown,
  decode: (payload: Payload) => unknown,
  where = (_key: string) => true,
  key = '',
): unknown {
  if (isPayload(json)) return where(key) ? decode(json) : json;
  if (Array.isArray(json)) return json.map((each: unknown) => decoded(each, decode, where, key));
  if (typeof json !== 'object' || json === null) return json;
  return Object.fromEntries(
    Object.entries(json).map(([name, each]) => [name, decoded(each, decode, where, isChosen(key) ? key : name)]),
  );
}

/** Below these, names are those of users. */
function isChosen(key: string): boolean {
  return key === 'indexedFields' || key === 'fields';
}

describe('a history file whose payloads were decoded', () => {
  const SENTENCE =
    /^its payloads were decoded .+"Decode Event History" off, or by temporal workflow show .+--output json$/;

  it('is told from every raw one', () => {
    assert.ok(RECORDED.length > 30);
    for (const file of RECORDED) assert.equal(refusalOf(readFileSync(file)), '', file);
  });

  for (const [form, decode] of Object.entries(DECODERS)) {
    it(`is refused with one sentence that helps: ${form}`, () => {
      for (const file of RECORDED) {
        const json: unknown = JSON.parse(readFileSync(file, 'utf8'));
        assert.match(refusalOf(decoded(json, decode)), SENTENCE, file);
        assert.match(refusalOf(decoded(json, decode, (key) => key === 'payloads')), SENTENCE, `${file}, payloads only`);
        const attributes = decoded(json, decode, (key) => isChosen(key));
        if (JSON.stringify(attributes) === JSON.stringify(json)) continue;
        assert.match(refusalOf(attributes), SENTENCE, `${file}, search attributes only`);
      }
    });
  }

  it('is refused when lists of payloads became lists of values', () => {
    const workflowExecutionStartedEventAttributes = { input: ['a value', { by: 'kim' }] };
    const started = { eventId: '1', eventType: 'WorkflowExecutionStarted', workflowExecutionStartedEventAttributes };
    assert.match(refusalOf([started]), SENTENCE);
  });

  it('is not mistaken for a raw one with whatever bytes and encoding somebody sent', () => {
    const signalled = (payload: object) => [
      { eventId: '1', eventType: 'WorkflowExecutionStarted', workflowExecutionStartedEventAttributes: {} },
      {
        eventId: '2',
        eventType: 'WorkflowExecutionSignaled',
        workflowExecutionSignaledEventAttributes: { signalName: 'retry', input: { payloads: [payload] } },
      },
    ];
    const encoding = fc.oneof(fc.constantFrom('json/plain', 'json/protobuf', 'binary/null', ''), fc.string());
    fc.assert(
      fc.property(fc.uint8Array(), encoding, (bytes, name) => {
        const data = Buffer.from(bytes).toString('base64');
        assert.equal(refusalOf(signalled({ metadata: { encoding: Buffer.from(name).toString('base64') }, data })), '');
        assert.equal(refusalOf(signalled({ metadata: {}, data })), '');
        assert.equal(refusalOf(signalled({ data })), '');
      }),
    );
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const data = Buffer.from(JSON.stringify(value)).toString('base64');
        const payload = { metadata: { encoding: Buffer.from('json/plain').toString('base64') }, data };
        assert.equal(refusalOf(signalled(payload)), '');
        assert.match(refusalOf(signalled({ metadata: { encoding: 'json/plain' }, data: value })), SENTENCE);
      }),
    );
  });
});
