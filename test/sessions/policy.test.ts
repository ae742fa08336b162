import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  DEFAULT_SESSION_POLICY,
  OVER_LIMIT_BEHAVIOURS,
  type SessionRules,
} from '../../contracts/sessions/session-limits.ts';
import { closedCaps, InvalidSessionPolicyError, parseSessionPolicy } from '../../contracts/sessions/session-policy.ts';
import type { AcquireRequest } from '../../contracts/sessions/stream-sessions.ts';
import { capsOf, isUnknownPlan, judge, slotsOf, type Occupant } from '../../workflows/sessions/session-admission.ts';

describe('the policy of stream sessions', () => {
  it('needs a version and the cap of the account, and takes the rest from the defaults', () => {
    const data = { version: 1, caps: { account: 3 } };
    assert.deepEqual(parseSessionPolicy(data), DEFAULT_SESSION_POLICY);
  });

  it('refuses what would not limit as it was meant, by field', () => {
    const refused: [data: unknown, message: RegExp][] = [
      [undefined, /policy: /],
      [{ caps: { account: 3 } }, /version: /],
      [{ version: 1, caps: { account: -1 } }, /caps\.account: /],
      [{ version: 1, caps: { account: 1_000 } }, /caps\.account: /],
      [{ version: 1, caps: { account: 3, devicetypes: { tv: 1 } } }, /caps: .*devicetypes/],
      [{ version: 1, caps: { account: 3 }, plans: { basic: { acount: 1 } } }, /plans\.basic: .*acount/],
      [{ version: 1, caps: { account: 3 }, overLimit: 'evict' }, /overLimit: /],
      [{ version: 1, caps: { account: 3 }, heartbeatIntervalMs: 30_001 }, /heartbeatIntervalMs: .*two thirds/],
      [{ version: 1, caps: { account: 3 }, watchedLeaseMs: 44_999 }, /watchedLeaseMs: .*leaseMs/],
      [{ version: 1, caps: { account: 3, deviceTypes: { 't\nv': 1 } } }, /deviceTypes[^]*control characters/],
      [{ version: 1, caps: { account: 3, contents: { '': 1 } } }, /contents.*: .*1 to 255/],
      [JSON.parse('{"version": 1, "caps": {"account": 3, "contents": {"__proto__": 1}}}'), /__proto__/],
      [{ version: 1, caps: { account: 3, contents: hugeTable() } }, /65536 bytes/],
      [{ version: 1, caps: { account: 3 }, handoffGraceMs: 60_000 }, /handoffGraceMs: /],
      [{ version: 1, caps: { account: 3 }, shadow: { caps: { account: 1 } } }, /shadow\.version: /],
    ];
    for (const [data, message] of refused) {
      assert.throws(
        () => parseSessionPolicy(data),
        (error) => error instanceof InvalidSessionPolicyError && message.test(error.message),
        JSON.stringify(data),
      );
    }
  });

  it('takes the pace of a beat a minute, a cap of 0 and a `$schema`', () => {
    const data = { $schema: 'x', version: 1, caps: { account: 3 }, leaseMs: 90_000, heartbeatIntervalMs: 60_000 };
    const policy = { ...DEFAULT_SESSION_POLICY, leaseMs: 90_000, heartbeatIntervalMs: 60_000 };
    assert.deepEqual(parseSessionPolicy(data), policy);
    const closed = {
      version: 1,
      caps: { account: 3, deviceTypes: { tv: 0 } },
      plans: { none: { account: 0 }, all: {} },
    };
    assert.deepEqual(closedCaps(parseSessionPolicy(closed)), ['caps.deviceTypes.tv', 'plans.none.account']);
  });

  it('puts the entries of a plan’s tables before the general ones, one by one as well', () => {
    const general = { account: 9, deviceTypes: { tv: 1, mobile: 2 }, contents: { derby: 1 } };
    const rules = rulesWith({
      caps: general,
      plans: { family: { deviceTypes: { tv: 3 } }, kids: { contents: { film: 0 } } },
    });
    assert.deepEqual(capsOf(rules, 'family').deviceTypes, { tv: 3, mobile: 2 });
    assert.deepEqual(capsOf(rules, 'kids'), { ...general, contents: { derby: 1, film: 0 } });
    const unknown = [undefined, 'family', 'toString'].map((plan) => isUnknownPlan(rules, plan));
    assert.deepEqual(unknown, [false, false, true]);
    assert.equal(isUnknownPlan(rulesWith({}), 'family'), false, 'no plan is unknown to a policy without plans');
  });

  it('puts the caps of a plan before the general ones, one by one', () => {
    const rules = rulesWith({ caps: { account: 3, content: 1 }, plans: { family: { account: 5 } } });
    assert.deepEqual(capsOf(rules, 'family'), { account: 5, content: 1 });
    assert.deepEqual(capsOf(rules, 'constructor'), { account: 3, content: 1 });
  });
});

describe('the admission of a stream', () => {
  const tv = { streamId: 'a', deviceId: 'd1', deviceType: 'tv', contentId: 'film', slots: 1 };
  const phone = { streamId: 'b', deviceId: 'd2', deviceType: 'phone', contentId: 'film', slots: 1 };
  const tablet = { streamId: 'c', deviceId: 'd3', deviceType: 'tablet', contentId: 'news', slots: 1 };
  const streams = [tv, phone, tablet];

  it('names the cap and the streams in the way', () => {
    const verdict = judge(rulesWith({ caps: { account: 5, content: 2 } }), streams, request({ contentId: 'film' }));
    assert.deepEqual(verdict, {
      admitted: false,
      violation: { cap: 'content', key: 'film', limit: 2, active: 2 },
      conflicts: [tv, phone],
    });
  });

  it('caps a device type, and puts the cap of one content before that of all', () => {
    const rules = rulesWith({ caps: { account: 5, deviceTypes: { tv: 1 }, content: 1, contents: { film: 3 } } });
    assert.equal(judge(rules, streams, request({ contentId: 'film' })).admitted, true);
    assert.equal(judge(rules, streams, request({ contentId: 'news' })).admitted, false);
    assert.equal(judge(rules, streams, request({ deviceType: 'tv' })).admitted, false);
    assert.equal(judge(rules, streams, request({ deviceType: 'watch' })).admitted, true);
  });

  it('evicts the oldest of the cap that is reached, not of the account', () => {
    const rules = rulesWith({ overLimit: 'evictOldest', caps: { account: 5, contents: { news: 1 } } });
    assert.deepEqual(judge(rules, streams, request({ contentId: 'news' })), { admitted: true, evict: [tablet] });
  });

  it('evicts streams of the same device and no others', () => {
    const rules = rulesWith({ overLimit: 'evictSameDevice', caps: { account: 3 } });
    assert.deepEqual(judge(rules, streams, request({ deviceId: 'd2' })), { admitted: true, evict: [phone] });
    assert.equal(judge(rules, streams, request({ deviceId: 'd9' })).admitted, false);
  });

  it('evicts all named streams or none, and none while there is a free slot', () => {
    const rules = rulesWith({ overLimit: 'evictNamed', caps: { account: 3, content: 1 } });
    assert.deepEqual(judge(rules, streams, request({ evict: ['a', 'c', 'gone'] })), {
      admitted: true,
      evict: [tv, tablet],
    });
    const film = judge(rules, streams, request({ evict: ['a'], contentId: 'film' }));
    assert.equal(film.admitted, false, 'one stream of the film would be left');
    assert.deepEqual(
      judge(rulesWith({ overLimit: 'evictNamed', caps: { account: 9 } }), streams, request({ evict: ['a'] })),
      {
        admitted: true,
        evict: [],
      },
    );
  });

  it('evicts nobody when refusing the newest is the rule', () => {
    const verdict = judge(rulesWith({ caps: { account: 3 } }), streams, request({ evict: ['a'] }));
    assert.equal(verdict.admitted, false);
  });

  it('never lets a cap be exceeded, whatever the rules and the streams', () => {
    fc.assert(
      fc.property(
        rulesArbitrary,
        fc.array(occupantArbitrary, { maxLength: 8 }),
        requestArbitrary,
        (rules, some, wanted) => {
          const streams = some.map((stream, index) => ({ ...stream, streamId: `s${index}` }));
          const verdict = judge(rules, streams, wanted);
          if (!verdict.admitted) return;
          const left = [...streams.filter((stream) => !verdict.evict.includes(stream)), { ...wanted, slots: 1 }];
          const caps = capsOf(rules, wanted.plan);
          assert.ok(slotsOf(left) <= caps.account);
          const { deviceType = '', contentId = '' } = wanted;
          const sameType = slotsOf(left.filter((stream) => stream.deviceType === deviceType));
          assert.ok(sameType <= (caps.deviceTypes?.[deviceType] ?? Infinity));
          const sameContent = slotsOf(left.filter((stream) => stream.contentId === contentId));
          assert.ok(sameContent <= (caps.contents?.[contentId] ?? caps.content ?? Infinity));
        },
      ),
      { numRuns: 5_000 },
    );
  });

  it('admits exactly when nothing stands against it, unless the rules evict', () => {
    fc.assert(
      fc.property(
        rulesArbitrary,
        fc.array(occupantArbitrary, { maxLength: 6 }),
        requestArbitrary,
        (rules, some, wanted) => {
          const streams = some.map((stream, index) => ({ ...stream, streamId: `s${index}` }));
          const strict = judge({ ...rules, overLimit: 'refuseNewest' }, streams, wanted);
          const verdict = judge(rules, streams, wanted);
          if (strict.admitted) assert.deepEqual(verdict, { admitted: true, evict: [] });
          else if (verdict.admitted) assert.ok(verdict.evict.length > 0);
          else assert.deepEqual(verdict, strict);
          if (verdict.admitted && rules.overLimit === 'evictSameDevice') {
            const named = new Set(wanted.evict);
            const chosen = verdict.evict.filter(({ streamId }) => !named.has(streamId));
            assert.ok(chosen.every(({ deviceId }) => deviceId === wanted.deviceId));
          }
        },
      ),
      { numRuns: 5_000 },
    );
  });
});

/** Each part is within its bound. */
function hugeTable(): Record<string, number> {
  return Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`${index}`.padEnd(255, '界'), 1]));
}

function rulesWith(change: Partial<SessionRules>): SessionRules {
  return { version: 1, caps: { account: 3 }, overLimit: 'refuseNewest', ...change };
}

function request(more: Partial<AcquireRequest>): AcquireRequest {
  return { streamId: 'new', deviceId: 'd0', ...more };
}

const cap = fc.integer({ min: 0, max: 4 });
const deviceType = fc.constantFrom('tv', 'phone');
const contentId = fc.constantFrom('film', 'news');
const deviceId = fc.constantFrom('d1', 'd2', 'd3');
const capsArbitrary = fc.record(
  {
    account: cap,
    deviceTypes: fc.dictionary(deviceType, cap),
    content: cap,
    contents: fc.dictionary(contentId, cap),
  },
  { requiredKeys: ['account'] },
);
const rulesArbitrary: fc.Arbitrary<SessionRules> = fc.record({
  version: fc.constant(1),
  caps: capsArbitrary,
  plans: fc.dictionary(
    fc.constantFrom('basic', 'family'),
    fc.record({ account: cap, content: cap }, { requiredKeys: [] }),
  ),
  overLimit: fc.constantFrom(...OVER_LIMIT_BEHAVIOURS),
});
const occupantArbitrary: fc.Arbitrary<Occupant> = fc.record(
  { streamId: fc.constant(''), deviceId, deviceType, contentId, slots: fc.integer({ min: 1, max: 2 }) },
  { requiredKeys: ['streamId', 'deviceId', 'slots'] },
);
const requestArbitrary: fc.Arbitrary<AcquireRequest> = fc.record(
  {
    streamId: fc.constant('new'),
    deviceId,
    deviceType,
    contentId,
    plan: fc.constantFrom('basic', 'family', 'other'),
    evict: fc.uniqueArray(fc.constantFrom('s0', 's1', 's2', 's9')),
  },
  { requiredKeys: ['streamId', 'deviceId'] },
);
