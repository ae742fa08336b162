import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadCliConfig } from '../../cli/config.ts';
import { readLocalConfig } from '../../local/config.ts';
import { findSecrets } from '../support/secret-search.ts';
import { loadWorkerConfig } from '../../workers/config.ts';
import { workerSettings } from '../../workers/environment.ts';

const SECRET = 'hunter2-hunter2';
const ROLES = 'bridge,events,sessions,gateway,access-log';
const REQUIRED = { ROLES, STREAM_API_KEY: 'key-of-the-app', STREAM_API_SECRET: 'secret-of-the-app' };
/** What somebody may set by mistake, where it does not belong. */
const VALUES = [
  SECRET,
  `${SECRET} `,
  `https://user:${SECRET}@host.example/path`,
  `redis://:${SECRET}@host.example:6379/0?password=${SECRET}`,
  `user:${SECRET}@host.example:99999`,
  `Bearer ${SECRET}-${SECRET}`,
  `-----BEGIN PRIVATE KEY-----\n${SECRET}\n-----END PRIVATE KEY-----`,
];
/** In these a value is shown as it is when nothing in it says that it is a secret. */
const SECRET_NAMES = /SECRET|KEY|TOKEN|PASSWORD|URL/;

function complaintOf(load: () => unknown): string {
  try {
    load();
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

describe('a complaint about settings holds no secret', () => {
  const names = Object.keys(workerSettings);
  for (const name of names) {
    it(`whatever ${name} is`, () => {
      const values = SECRET_NAMES.test(name) ? VALUES : VALUES.filter((value) => /:\/\/|BEGIN|Bearer/.test(value));
      for (const value of values) {
        const complaint = complaintOf(() => loadWorkerConfig({ ...REQUIRED, [name]: value }));
        assert.ok(!complaint.includes(SECRET), `${value}: ${complaint}`);
      }
    });
  }

  it('of a worker whose every setting is wrong, each of them named', () => {
    const wrong = `https://user:${SECRET}@host.example/?token=${SECRET}`;
    const complaint = complaintOf(() => loadWorkerConfig(Object.fromEntries(names.map((name) => [name, wrong]))));
    assert.ok(complaint.split('\n').length > 50, complaint);
    assert.deepEqual(findSecrets(complaint, [SECRET]), []);
  });

  describe('of the connection to Temporal', () => {
    let directory: string;
    before(async () => {
      directory = await mkdtemp(path.join(tmpdir(), 'complaints-'));
    });
    after(() => rm(directory, { recursive: true }));

    const profiles = [
      `[profile.default]\napi_key = "${SECRET}\n`,
      `[profile.default]\napi_key = ${SECRET}\n`,
      `[profile.default]\napi_key = '''${SECRET}\n`,
      `[profile.default.tls]\nclient_key_data = "${SECRET}" x\n`,
      `[profile.default.grpc_meta]\nauthorization = "Bearer ${SECRET}-${SECRET}\n`,
    ];
    it('by a profile that cannot be read, of a worker and of the CLI', async () => {
      for (const [index, profile] of profiles.entries()) {
        const file = path.join(directory, `${index}.toml`);
        await writeFile(file, profile);
        const variables = { TEMPORAL_CONFIG_FILE: file };
        for (const load of [() => loadWorkerConfig({ ...REQUIRED, ...variables }), () => loadCliConfig(variables)]) {
          const complaint = complaintOf(load);
          assert.match(complaint, /TEMPORAL_/, profile);
          assert.ok(!complaint.includes(SECRET), complaint);
        }
      }
    });

    it('by variables, of a worker, of the CLI and of the local stack', () => {
      const wrong = [
        { TEMPORAL_ADDRESS: `https://user:${SECRET}@host.example:7233` },
        { TEMPORAL_ADDRESS: `user:${SECRET}@host.example:7233` },
        { TEMPORAL_API_KEY: SECRET, TEMPORAL_TLS: SECRET, TEMPORAL_ADDRESS: 'host.example:7233' },
        { TEMPORAL_TLS_CLIENT_KEY_DATA: SECRET, TEMPORAL_TLS_CLIENT_CERT_DATA: SECRET },
        { TEMPORAL_TLS_CLIENT_KEY_DATA: SECRET, TEMPORAL_TLS_CLIENT_KEY_PATH: '/nowhere' },
        { TEMPORAL_NAMESPACE: `a:${SECRET}@b`, TEMPORAL_ADDRESS: `http://${SECRET}@host` },
      ];
      for (const variables of wrong) {
        const loads = [
          () => loadWorkerConfig({ ...REQUIRED, ...variables }),
          () => loadCliConfig(variables),
          () => readLocalConfig(variables),
        ];
        for (const load of loads) {
          const complaint = complaintOf(load);
          assert.ok(!complaint.includes(SECRET), complaint);
        }
      }
    });
  });
});
