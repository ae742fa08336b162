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
  readonly field: keyof AccessRecord;
  /** Lower case, because Athena folds names and fails on two that differ in case alone. */
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number';
  readonly required?: true;
}

/** Columns of the lake, one for each field. */
export const ACCESS_COLUMNS: readonly AccessColumn[] = [
  { field: 'id', name: 'id', type: 'string', required: true },
  { field: 'at', name: 'at', type: 'string', required: true },
  { field: 'requestId', name: 'request_id', type: 'string' },
  { field: 'method', name: 'method', type: 'string' },
  { field: 'route', name: 'route', type: 'string' },
  { field: 'status', name: 'status', type: 'integer' },
  { field: 'durationMs', name: 'duration_ms', type: 'number' },
  { field: 'bytes', name: 'bytes', type: 'integer' },
  { field: 'userId', name: 'user_id', type: 'string' },
  { field: 'streamId', name: 'stream_id', type: 'string' },
  { field: 'deviceId', name: 'device_id', type: 'string' },
  { field: 'caller', name: 'caller', type: 'string' },
  { field: 'address', name: 'address', type: 'string' },
  { field: 'userAgent', name: 'user_agent', type: 'string' },
  { field: 'problem', name: 'problem', type: 'string' },
  { field: 'outcome', name: 'outcome', type: 'string' },
  { field: 'gateway', name: 'gateway', type: 'string' },
];
