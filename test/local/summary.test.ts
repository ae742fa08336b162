import assert from 'node:assert/strict';
import { LOCAL_SESSION_POLICY } from '../../local/demo/session-policy.ts';
import type { Missing } from '../../local/demo/account.ts';
import type { PlayersResult } from '../../local/demo/players.ts';
import { summarise, webUiLink, type DemoResult, type SummaryInput } from '../../local/demo/summary.ts';

const NOTHING: Missing = { queued: 0, unsettled: [], broken: [], notInDeadLetters: 0 };
const BRIDGE = { received: 12, started: 7, joined: 2, deduplicated: 2, rejected: 1, returned: 0, inFlight: 0 };
const DEMO: DemoResult = {
  expectation: { published: 10, workflowIds: ['activity/a', 'activity/b'], rejected: 1, duplicates: 1, late: 2 },
  balance: { published: 10, deliveredTwice: 2, leftFromBefore: 0, bridge: BRIDGE },
  progress: { bridge: BRIDGE, applied: 7, parked: 0 },
  missing: NOTHING,
  elapsedMs: 1_234,
};
const PLAYERS: PlayersResult = {
  scenes: [{ userId: 'alice-1', story: ['laptop-1 was refused', 'tv-1 was told'] }],
  policy: { version: 1, ...LOCAL_SESSION_POLICY },
  playing: 'alice-1',
  elapsedMs: 7_234,
};
const PLACES: SummaryInput = {
  endpoints: {
    temporal: '127.0.0.1:7233',
    namespace: 'default',
    webUi: 'http://127.0.0.1:8233',
    aws: 'http://127.0.0.1:4566',
    stream: { url: 'http://127.0.0.1:8800', apiKey: 'k', apiSecret: 's', appId: '1' },
    metrics: ['http://127.0.0.1:9464/metrics'],
  },
  depths: [{ name: 'some-dlq', ready: 2, inFlight: 1, delayed: 1 }],
  endpointsFile: '.local/endpoints.json',
  workerLog: '.local/worker.log',
  gatewayLog: '.local/gateway.log',
  policyFile: '.local/sessions-policy.json',
  streamToken: 'token',
};

describe('the summary', () => {
  it('says that every message is accounted for, and how', () => {
    const text = textOf({ demo: DEMO });
    assert.match(text, /Everything is accounted for, after 1\.2 s/);
    assert.match(text, /published 10 \+ delivered twice by SQS 2 .* = received 12/);
    assert.match(
      text,
      /received 12 = started 7 \+ joined 2 \+ deduplicated 2 \+ rejected 1 \+ returned 0 \+ in flight 0/,
    );
    assert.doesNotMatch(text, /off by/);
  });

  it('names what is missing', () => {
    const unsettled = Array.from({ length: 7 }, (_, index) => `reaction/${index}`);
    const missing = { queued: 3, unsettled, broken: ['follow/a/b'], notInDeadLetters: 1 };
    const text = textOf({ demo: { ...DEMO, missing } });
    assert.match(text, /NOT everything is accounted for/);
    assert.match(text, /3 messages still stand in the queues/);
    assert.match(text, /7 events are not written yet: reaction\/0, .*reaction\/4 and 2 more/);
    assert.match(text, /1 workflows did not complete: follow\/a\/b/);
    assert.match(text, /1 rejected messages stand in no dead-letter queue/);
  });

  it('says when the sums do not meet, as after a killed worker', () => {
    const text = textOf({ demo: { ...DEMO, balance: { ...DEMO.balance, bridge: { ...BRIDGE, started: 4 } } } });
    assert.match(text, /off by 3: a worker that is killed/);
  });

  it('leads to the Web UI, the queues, a feed and the files', () => {
    const text = textOf({});
    assert.ok(text.includes('http://127.0.0.1:8233/namespaces/default/workflows?query='));
    assert.match(text, /some-dlq +3 waiting, 1 in flight/);
    assert.match(text, /curl -s 'http:\/\/127\.0\.0\.1:8800\/api\/v1\.0\/feed\/timeline\/alice\//);
    assert.match(text, /\.local\/endpoints\.json/);
  });

  it('tells what became of the players, and what should have', () => {
    const text = textOf({ players: PLAYERS });
    assert.match(
      text,
      /by the policy in \.local\/sessions-policy\.json:\n  3 streams at once, 2 on the plan "demo" .* a beat every 15 s, a lease of 45 s/,
    );
    assert.match(text, /  alice-1: laptop-1 was refused\n  alice-1: tv-1 was told\n/);
    assert.match(text, /All fared as they must, after 7\.2 s/);
    const scenes = [...PLAYERS.scenes, { userId: 'bob-1', story: [], fault: 'it took too long' }];
    const worse = textOf({ players: { ...PLAYERS, scenes } });
    assert.match(worse, /  bob-1: NOT as it must be: it took too long\nNOT all fared as they must/);
  });

  it('leads to the gateway, its page and a token, where one runs', () => {
    const gateway = { url: 'http://127.0.0.1:3000', jwtSecret: 'secret' };
    const endpoints = { ...PLACES.endpoints, gateway };
    const text = textOf({ endpoints, sessionToken: 'abc', players: PLAYERS });
    assert.match(text, /http:\/\/127\.0\.0\.1:3000\/\?user=alice-1 /);
    assert.match(text, /TOKEN=abc\n/);
    assert.match(
      text,
      /curl -s http:\/\/127\.0\.0\.1:3000\/v1\/users\/eve\/streams -H "Authorization: Bearer \$TOKEN"/,
    );
    assert.match(text, /\.local\/gateway\.log/);
    assert.match(textOf({ endpoints, sessionToken: 'abc' }), /http:\/\/127\.0\.0\.1:3000\/ asks for the token/);
    assert.doesNotMatch(textOf({}), /Gateway/);
  });

  it('leaves the Web UI out where the Temporal server is not ours', () => {
    const { webUi: _, ...endpoints } = PLACES.endpoints;
    assert.doesNotMatch(summarise({ ...PLACES, endpoints }).join('\n'), /parked ones/);
  });

  it('escapes what a link must', () => {
    assert.equal(
      webUiLink('http://u', 'a b', 'EventStatus = "parked"'),
      'http://u/namespaces/a%20b/workflows?query=EventStatus%20%3D%20%22parked%22',
    );
  });
});

function textOf(more: Partial<SummaryInput>): string {
  return summarise({ ...PLACES, ...more }).join('\n');
}
