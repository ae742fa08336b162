/**
 * Names what stands in a queue when it is no message of ours, so that who reads the reason in the dead-letter queue knows
 * what to change. Everything here describes; nothing is taken apart.
 */

type JsonObject = Readonly<Record<string, unknown>>;

/** Looked at from the front; none of these needs more. */
const HEAD_CHARACTERS = 200;

/** Text that is not JSON: what it is instead, and what to do; undefined when it looks like nothing known. */
export function otherEncoding(text: string): string | undefined {
  const head = text.trimStart().slice(0, HEAD_CHARACTERS);
  return ENCODINGS.find(([pattern]) => pattern.test(head))?.[1];
}

const SEND_JSON = 'send the JSON itself, as UTF-8 text';

const ENCODINGS: readonly (readonly [pattern: RegExp, name: string])[] = [
  // oxlint-disable-next-line no-control-regex -- the point is to find them
  [/\u0000|^\uFFFE|^\u00FF\u00FE|^\u00FE\u00FF/, `UTF-16 or binary data; ${SEND_JSON}`],
  [/^\u00EF\u00BB\u00BF/, `UTF-8 read as Latin-1, with its byte order mark; ${SEND_JSON}`],
  [/^H4sI[A-Za-z0-9+/_-]/, `gzip data in base64; ${SEND_JSON}`],
  [/^eyJ[\w-]+\.eyJ/, `a signed token (JWT); ${SEND_JSON}`],
  [/^(?:eyJ|eyA|ewo|ewk|ew0|W3s|77u\/ey)[A-Za-z0-9+/_-]+={0,2}\s*/, `JSON in base64; ${SEND_JSON}`],
  [/^(?:\{|\[)\s*&(?:quot|#34|#x22);/, `JSON whose quotes are escaped as in XML (&quot;); ${SEND_JSON}`],
  [/^</, `XML or HTML; ${SEND_JSON}`],
  [/^(?:%7B|%5B|%22)/i, `percent-encoded JSON; ${SEND_JSON}`],
  [/^[\w.-]+=[^\s{}[\]]*(?:&[\w.-]+=|$)/, `form-encoded text; ${SEND_JSON}`],
  [/^[{[]\s*(?:\{\s*)?'/, `a literal with single quotes, as Python's str() prints it; ${SEND_JSON} (json.dumps)`],
  [/^[{[]\s*\\"/, `JSON whose quotes are escaped; ${SEND_JSON}`],
  [/^(?:---|%YAML)/, `YAML; ${SEND_JSON}`],
  [/^[A-Za-z0-9+/_-]{64,}={0,2}/, `base64 of something; ${SEND_JSON}`],
];

/** JSON that holds no message itself: what it is, and what to do; undefined when it looks like nothing known. */
export function otherWrapper(value: unknown): string | undefined {
  if (Array.isArray(value)) return listWrapper(value);
  if (typeof value !== 'object' || value === null) return undefined;
  const object: JsonObject = { ...value };
  return WRAPPERS.find(([fits]) => fits(object))?.[1] ?? holder(object);
}

function listWrapper(list: readonly unknown[]): string {
  const [first] = list;
  if (typeof first === 'string' && first.endsWith('S3Pointer')) return S3_POINTER;
  return 'a list; send each message by itself (an EventBridge pipe or a batch writer sends lists)';
}

const S3_POINTER =
  "a pointer of SQS's or SNS's extended client to a body in S3, which is not fetched; send messages under 256 KiB without it";

const has = (value: JsonObject, ...names: readonly string[]): boolean => names.every((name) => name in value);

const SNS_CONFIRMATIONS: ReadonlySet<unknown> = new Set(['SubscriptionConfirmation', 'UnsubscribeConfirmation']);

const WRAPPERS: readonly (readonly [fits: (value: JsonObject) => boolean, name: string])[] = [
  [
    (value) => value.Type === 'SubscriptionConfirmation' && has(value, 'TopicArn'),
    "SNS's SubscriptionConfirmation; open its SubscribeURL once to confirm the subscription, then purge this message",
  ],
  [
    (value) => value.Type === 'UnsubscribeConfirmation' && has(value, 'TopicArn'),
    "SNS's UnsubscribeConfirmation: the topic no longer feeds this queue; open its SubscribeURL to take that back",
  ],
  [
    (value) => SNS_CONFIRMATIONS.has(value.Type) && has(value, 'Message'),
    'an SNS envelope of a confirmation, which holds no message',
  ],
  [
    (value) => value.Type === 'Notification' && has(value, 'TopicArn'),
    'an SNS notification without the text of a Message; publish the message as text',
  ],
  [
    (value) => typeof value.default === 'string' && Object.values(value).every((text) => typeof text === 'string'),
    'a message for several protocols ("default", "sqs"); publish it with MessageStructure "json", or only the message',
  ],
  [(value) => has(value, 's3BucketName', 's3Key'), S3_POINTER],
  [
    (value) => value.Event === 's3:TestEvent' || (value.Service === 'Amazon S3' && has(value, 'Bucket')),
    "S3's test event: a bucket is set to notify this queue; send its notifications elsewhere",
  ],
  [
    (value) => Array.isArray(value.Records),
    'a list of Records, as S3, Kinesis, DynamoDB and Lambda hand them on; send what each record holds by itself',
  ],
  [
    (value) => has(value, 'detail-type') || has(value, 'detail', 'source'),
    'an EventBridge event; let the rule send only "$.detail" (InputPath) or publish to the topic',
  ],
  [
    (value) => has(value, 'specversion') && has(value, 'type'),
    'a CloudEvents event in structured mode; send only its data',
  ],
  [
    (value) => has(value, 'messageType') && has(value, 'message'),
    'an envelope of MassTransit; send raw JSON (UseRawJsonSerializer)',
  ],
  [(value) => has(value, 'topic', 'partition', 'offset'), 'a record of Kafka; send only its value'],
];

const HOLDERS = [
  'data',
  'Data',
  'detail',
  'payload',
  'Payload',
  'body',
  'Body',
  'message',
  'Message',
  'event',
  'value',
];
const OUR_FIELDS = ['ForeignID', 'ActivityID', 'SourceFeedID'];

/** Envelopes nobody published: a field that holds a message of ours. */
function holder(value: JsonObject): string | undefined {
  const name = HOLDERS.find((candidate) => holdsMessage(value[candidate]));
  return name === undefined
    ? undefined
    : `an envelope that holds the message under "${name}"; send only what stands there`;
}

function holdsMessage(value: unknown): boolean {
  if (typeof value === 'string')
    return /^\s*\{/.test(value) && OUR_FIELDS.some((field) => value.includes(`"${field}"`));
  return typeof value === 'object' && value !== null && OUR_FIELDS.some((field) => field in value);
}
