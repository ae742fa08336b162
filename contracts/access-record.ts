/** What the gateway's access log tells of a request, and under which names it travels. */

/** SQS queue between the gateways and the writer; its dead-letter queue is named by `deadLetterQueueName`. */
export const ACCESS_LOG_QUEUE = 'stream-access-log';

/** Default S3 bucket of the data lake. */
export const ACCESS_LOG_BUCKET = 'stream-access-log';

/** One answered request. Never holds a token, a query string or a body. Texts above 512 characters are cut. */
export interface AccessRecord {
  /** UUIDv7, unique: a record may reach the lake twice, and queries remove the second by this. */
  readonly id: string;
  /** When the request arrived: RFC 3339, UTC, milliseconds, as `Date.toISOString` writes it. Chooses the partition. */
  readonly at: string;
  readonly requestId: string;
  readonly method: string;
  /** The template, such as `/v1/users/:userId/streams`; not the URL, which holds ids and may hold secrets. */
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
  /** Length of the answer's body. */
  readonly bytes?: number;
  readonly userId?: string;
  readonly streamId?: string;
  readonly deviceId?: string;
  /** Subject of the token. */
  readonly caller?: string;
  /** The client's address, as far as proxies are trusted. */
  readonly address: string;
  readonly userAgent?: string;
  /** Code of the problem that was answered, such as `stream-limit-reached`. */
  readonly problem?: string;
  readonly outcome?: string;
  /** Which gateway answered. */
  readonly gateway: string;
}

export interface AccessColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number';
  readonly required?: true;
}

/** The column of each field: lower case, because Athena folds names and fails on two that differ in case alone. */
export const ACCESS_COLUMNS: Readonly<Record<keyof AccessRecord, AccessColumn>> = {
  id: { name: 'id', type: 'string', required: true },
  at: { name: 'at', type: 'string', required: true },
  requestId: { name: 'request_id', type: 'string' },
  method: { name: 'method', type: 'string' },
  route: { name: 'route', type: 'string' },
  status: { name: 'status', type: 'integer' },
  durationMs: { name: 'duration_ms', type: 'number' },
  bytes: { name: 'bytes', type: 'integer' },
  userId: { name: 'user_id', type: 'string' },
  streamId: { name: 'stream_id', type: 'string' },
  deviceId: { name: 'device_id', type: 'string' },
  caller: { name: 'caller', type: 'string' },
  address: { name: 'address', type: 'string' },
  userAgent: { name: 'user_agent', type: 'string' },
  problem: { name: 'problem', type: 'string' },
  outcome: { name: 'outcome', type: 'string' },
  gateway: { name: 'gateway', type: 'string' },
};
