import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { runInNewContext } from 'node:vm';
import { SQSServiceException } from '@aws-sdk/client-sqs';
import { ApplicationFailure } from '@temporalio/common';
import { StreamApiError } from 'getstream';
import { PROJECT_DIRECTORY } from '../../local/config.ts';
import { createLogger } from '../../workers/logger.ts';

const SECRET = 'a-secret-of-the-app-0123456789';
const HEADERS = { Authorization: `opaque-${SECRET}`, cookie: SECRET };
/** As clients have them: the request with its headers, on the error and on its answer. */
const config = { headers: HEADERS, url: 'https://api/feed/', data: '{"object":"a user\'s payload"}' };
const request = { _header: `POST /feed HTTP/1.1\r\nAuthorization: ${SECRET}\r\n` };

class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly code = 'ERR_BAD_REQUEST';
  readonly config = config;
  readonly request = request;
  toJSON(): unknown {
    return { config };
  }
}

function streamApiError(): Error {
  const data = { code: 4, detail: 'bad', exception_fields: { object: ['must not be empty'] } };
  const response = { status: 400, statusText: 'Bad Request', headers: {}, data, config, request };
  // @ts-expect-error -- an answer of axios has more than this
  return new StreamApiError('refused with HTTP status code 400', data, response);
}

function logged(log: (logger: ReturnType<typeof createLogger>) => void): {
  readonly lines: string;
  readonly entry: Entry;
} {
  let lines = '';
  log(
    createLogger({ level: 'trace', secrets: [SECRET], destination: { write: (line: string) => void (lines += line) } }),
  );
  const entry: Entry = JSON.parse(lines);
  return { lines, entry };
}

type Entry = Readonly<Record<string, unknown>>;

describe('the logger of a process', () => {
  const errors: readonly (readonly [kind: string, make: () => unknown, facts: object])[] = [
    ['a plain error', () => new Error('boom'), { name: 'Error', message: 'boom' }],
    ['an error of an HTTP client', () => new ClientError('boom'), { name: 'ClientError', code: 'ERR_BAD_REQUEST' }],
    [
      'an error of GetStream',
      streamApiError,
      { name: 'StreamApiError', status: 400, code: 4, exception_fields: { object: ['must not be empty'] } },
    ],
    [
      'a failure of an activity with its cause',
      () => ApplicationFailure.create({ message: 'refused', type: 'InvalidRequest', cause: streamApiError() }),
      { name: 'ApplicationFailure', type: 'InvalidRequest', cause: { name: 'StreamApiError', status: 400 } },
    ],
    [
      'several errors',
      () => new AggregateError([new ClientError('one'), new Error('two')], 'both'),
      { name: 'AggregateError', errors: [{ message: 'one' }, { message: 'two' }] },
    ],
    [
      'an error of AWS',
      () =>
        Object.assign(
          new SQSServiceException({
            name: 'Throttled',
            $fault: 'server',
            message: 'slow',
            $metadata: { httpStatusCode: 503 },
          }),
          { $response: { headers: HEADERS } },
        ),
      { name: 'Throttled', status: 503 },
    ],
    ['an error of another realm', () => runInNewContext('new TypeError("far")'), { name: 'TypeError', message: 'far' }],
    [
      'an error with a cause that is no error',
      () => new Error('boom', { cause: { status: 404, config, request } }),
      { message: 'boom', cause: { status: 404 } },
    ],
    [
      'a ring of causes',
      () => {
        const [one, other] = [new Error('one'), new ClientError('other')];
        one.cause = other;
        other.cause = one;
        return one;
      },
      { message: 'one', cause: { message: 'other', cause: { message: 'one' } } },
    ],
  ];
  const places: readonly (readonly [
    where: string,
    put: (error: unknown) => object,
    find: (entry: Entry) => unknown,
  ])[] = [
    ...['err', 'error', 'cause', 'reason', 'whatever'].map(
      (key) => [`under "${key}"`, (error: unknown) => ({ [key]: error }), (entry: Entry) => entry[key]] as const,
    ),
    ['within an object', (error) => ({ a: { b: [error] } }), (entry) => at(entry, 'a', 'b', 0)],
    ['in a list', (error) => ({ errors: [error] }), (entry) => at(entry, 'errors', 0)],
    ['in a map', (error) => ({ map: new Map([['key', error]]) }), (entry) => at(entry, 'map', 'key')],
    ['in a set', (error) => ({ set: new Set([error]) }), (entry) => at(entry, 'set', 0)],
  ];
  for (const [kind, make, facts] of errors) {
    it(`tells ${kind} by its facts and nothing of its request, wherever it stands`, () => {
      for (const [where, put, find] of places) {
        const { lines, entry } = logged((logger) => logger.error(put(make()), 'failed'));
        assert.partialDeepStrictEqual(find(entry), facts, where);
        assertBare(lines, where);
      }
      const alone = logged((logger) => logger.error(make()));
      assert.partialDeepStrictEqual(alone.entry.err, facts);
      assertBare(alone.lines, 'alone');
      const bound = logged((logger) => logger.child({ error: make() }).error('failed'));
      assert.partialDeepStrictEqual(bound.entry.error, facts);
      assertBare(bound.lines, 'as a binding');
    });
  }

  it('takes secrets out of fields that are named so, however deep, of bindings and of messages', () => {
    const { lines, entry } = logged((logger) =>
      logger.child({ token: 'unknown-1', gateway: 'here' }).warn(
        {
          password: 'unknown-2',
          call: { headers: { Authorization: 'unknown-3', accept: '*/*' } },
          url: 'redis://u:unknown-4@h',
        },
        `with ${SECRET} and Bearer unknown-5-unknown-5`,
      ),
    );
    assert.ok(!lines.includes('unknown') && !lines.includes(SECRET), lines);
    assert.partialDeepStrictEqual(entry, { gateway: 'here', call: { headers: { accept: '*/*' } }, level: 40 });
  });

  it('says what nobody caught without what hangs on it, and ends the process with 1', async () => {
    for (const throwing of ['throw error', 'Promise.reject(error)', 'setImmediate(() => { throw error; })']) {
      const script = `
        import { createLogger, exitOnUncaughtError } from './workers/logger.ts';
        exitOnUncaughtError(createLogger({ level: 'info' }));
        const error = Object.assign(new Error('boom'), { config: { headers: { Authorization: '${SECRET}' } } });
        ${throwing};
        setTimeout(() => undefined, 60_000);`;
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], { cwd: PROJECT_DIRECTORY });
      const closed = once(child, 'close');
      const output = (await Promise.all([text(child.stdout), text(child.stderr)])).join('');
      assert.deepEqual(await closed, [1, null], output);
      assert.match(output, /"level":60.*"message":"boom"/);
      assert.ok(!output.includes(SECRET), output);
    }
  });
});

function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((holder, key) => Reflect.get(Object(holder), key), value);
}

function assertBare(lines: string, where: string): void {
  for (const text of [SECRET, 'Authorization', 'payload', '"config"', '"request"']) {
    assert.ok(!lines.includes(text), `${where}: ${text} in ${lines}`);
  }
}
