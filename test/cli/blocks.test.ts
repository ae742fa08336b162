import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  JWT_SECRET,
  startGateways,
  token,
  type GatewayFixture,
  type RunningGateway,
} from '../gateway/support/gateways.ts';
import { Player } from '../gateway/support/player.ts';
import { freePort } from '../../local/ports.ts';
import { runWords, type CliRun } from './support.ts';

describe('the commands for blocks', () => {
  let fixture: GatewayFixture;
  let gateway: RunningGateway;
  let directory: string;
  let operator: Readonly<Record<string, string>>;
  before(async function () {
    this.timeout(900_000);
    fixture = await startGateways();
    gateway = await fixture.startGateway();
    directory = await mkdtemp(path.join(tmpdir(), 'cli-blocks-'));
    operator = { GATEWAY_URL: gateway.url, GATEWAY_TOKEN: await token({ subject: 'kim', scope: 'blacklist' }) };
  });
  after(async () => {
    await rm(directory, { recursive: true, force: true });
    await fixture.stop();
  });

  const blocks = (words: readonly string[], environment = operator): Promise<CliRun> =>
    runWords(['blocks', ...words], environment);

  it('add one that holds, list it with who made it and until when, and lift it', async () => {
    const player = new Player(gateway.url, randomUUID());
    const added = await blocks(['add', 'user', player.userId, '--reason', 'shares the account', '--for', '2h']);
    assert.equal(added.code, 0, added.stderr);
    const refused = await player.acquire();
    assert.partialDeepStrictEqual(refused, { status: 403, body: { reason: 'shares the account' } });
    const listed = await blocks(['list']);
    assert.match(
      listed.stdout,
      new RegExp(`^user +${player.userId} +kim +20\\S+ \\S+Z +20\\S+ \\S+Z +shares the account$`, 'm'),
    );
    const [block] = JSON.parse((await blocks(['list', '--kind', 'user', '--json'])).stdout);
    assert.equal(Date.parse(block.expiresAt) - Date.parse(block.createdAt), 7_200_000);
    assert.equal((await blocks(['list', '--kind', 'device'])).stdout, 'Nobody is blocked.\n');
    assert.equal((await blocks(['remove', 'user', player.userId])).stdout, `Not blocked: user ${player.userId}.\n`);
    assert.equal((await blocks(['remove', 'user', player.userId])).code, 0);
    assert.equal((await player.acquire()).status, 201);
  });

  it('take whatever a block can be about', async () => {
    for (const [kind, value, shown] of [
      ['address', '198.51.100.0/24', '198.51.100.0/24'],
      ['address', '2001:db8::1', '2001:db8::/64'],
      ['device', 'a/b c%2f?', 'a/b c%2f?'],
      ['token', 'jti-1', 'jti-1'],
    ] as const) {
      const added = await blocks(['add', kind, value, '--reason', 'test']);
      assert.equal(added.code, 0, added.stderr);
      const [block] = JSON.parse((await blocks(['list', '--kind', kind, '--json'])).stdout);
      assert.deepEqual([block.value, block.expiresAt], [shown, undefined]);
      assert.equal((await blocks(['remove', kind, value])).code, 0);
    }
    assert.equal((await blocks(['list'])).stdout, 'Nobody is blocked.\n');
  });

  it('find the gateway of a local stack, and the token in a file', async () => {
    const endpoints = { temporal: '127.0.0.1:1', namespace: 'x', aws: 'http://127.0.0.1:1' };
    await writeFile(
      path.join(directory, 'endpoints.json'),
      JSON.stringify({ ...endpoints, gateway: { url: gateway.url, jwtSecret: JWT_SECRET } }),
    );
    const local = await blocks(['list'], { LOCAL_DIRECTORY: directory });
    assert.deepEqual([local.code, local.stdout], [0, 'Nobody is blocked.\n'], local.stderr);
    const file = path.join(directory, 'token');
    await writeFile(file, `${operator['GATEWAY_TOKEN']}\n`);
    const byFile = await blocks(['list'], { GATEWAY_URL: gateway.url, GATEWAY_TOKEN_FILE: file });
    assert.equal(byFile.code, 0, byFile.stderr);
    await writeFile(path.join(directory, 'endpoints.json'), JSON.stringify(endpoints));
    const none = await blocks(['list'], { LOCAL_DIRECTORY: directory });
    assert.deepEqual([none.code, /GATEWAY_URL must be set/.test(none.stderr)], [2, true]);
  });

  it('say what is wrong, and what to do', async () => {
    const { GATEWAY_URL: url = '', GATEWAY_TOKEN: good = '' } = operator;
    const nobody = `http://127.0.0.1:${await freePort()}`;
    const cases: [words: string[], environment: Readonly<Record<string, string>>, code: number, message: RegExp][] = [
      [['list'], { GATEWAY_URL: url, GATEWAY_TOKEN: await token({ subject: 'x' }) }, 1, /needs the scope "blacklist"/],
      [['list'], { GATEWAY_URL: url, GATEWAY_TOKEN: `${good}x` }, 1, /signature of the token is wrong/],
      [['list'], { GATEWAY_URL: nobody, GATEWAY_TOKEN: good }, 1, /no answer in time.*ECONNREFUSED/],
      [['list'], { GATEWAY_URL: url }, 2, /GATEWAY_TOKEN or GATEWAY_TOKEN_FILE must be set/],
      [['list'], { GATEWAY_URL: url, GATEWAY_TOKEN: good, GATEWAY_TOKEN_FILE: 'x' }, 2, /exclude each other/],
      [['list'], { GATEWAY_URL: url, GATEWAY_TOKEN_FILE: '/nowhere' }, 2, /GATEWAY_TOKEN_FILE must be a file/],
      [['list'], { GATEWAY_URL: 'gateway', GATEWAY_TOKEN: good }, 2, /GATEWAY_URL: must be an http/],
      [['list'], { GATEWAY_URL: 'http://gateway.example', GATEWAY_TOKEN: good }, 2, /unencrypted to gateway.example/],
      [['list', '--kind', 'planet'], operator, 2, /--kind: must be one of user, address/],
      [['add', 'user', 'ann'], operator, 2, /--reason: give --reason/],
      [['add', 'user', 'ann', '--reason', 'x', '--for', 'ever'], operator, 2, /--for: must be a number with/],
      [['add', 'planet', 'mars', '--reason', 'x'], operator, 2, /first word must be one of/],
      [['add', 'address', 'mars', '--reason', 'x'], operator, 2, /mars/],
      [['add', 'address', '0.0.0.0/0', '--reason', 'x'], operator, 2, /never blocked/],
      [['remove', 'user'], operator, 2, /give a kind/],
    ];
    for (const [words, environment, code, message] of cases) {
      const ran = await blocks(words, environment);
      assert.match(ran.stderr, message);
      assert.equal(ran.code, code, words.join(' '));
      assert.ok(!ran.stderr.includes(good), 'the token is shown to nobody');
    }
  }).timeout(60_000);
});
