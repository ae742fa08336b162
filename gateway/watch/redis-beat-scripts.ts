/**
 * The steps of {@link RedisBeatStore}. A stream is a hash (`state`: expected, watched, silent or over), its deadline a score in
 * the sorted set of all live ones. Times are Redis's own, milliseconds.
 */
const NOW = `
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
`;

/** Hashes live a little longer than anyone asks for them: the sets are what is swept. */
const FINISH = `
local function finish(key, member, finalEnd, rememberMs)
  redis.call('DEL', key)
  redis.call('HSET', key, 'state', 'over', 'end', finalEnd)
  redis.call('PEXPIRE', key, rememberMs)
  redis.call('ZREM', KEYS[2], member)
  redis.call('ZREM', KEYS[3], member)
end
`;

/** KEYS stream, deadlines, silent. ARGV member, silenceMs, rememberMs. */
export const EXPECT = `${NOW}
local state = redis.call('HGET', KEYS[1], 'state')
if state == 'watched' then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'state', 'expected')
redis.call('PEXPIRE', KEYS[1], ARGV[2] + ARGV[3])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('ZADD', KEYS[2], now + ARGV[2], ARGV[1])
return 1
`;

/** KEYS stream, deadlines, silent. ARGV member, stream as JSON, silenceMs, forwardEveryMs, forwardInMs, rememberMs, 'confirm' or 'adopt'. */
export const WATCH = `${NOW}
local state = redis.call('HGET', KEYS[1], 'state')
if state == 'over' then return 0 end
if state == 'watched' and (ARGV[7] == 'adopt' or redis.call('HEXISTS', KEYS[1], 'end') == 1) then return 0 end
redis.call('HSET', KEYS[1], 'state', 'watched', 'stream', ARGV[2], 'silence', ARGV[3], 'every', ARGV[4], 'forward', now + ARGV[5])
redis.call('PERSIST', KEYS[1])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[1])
return 1
`;

/**
 * KEYS stream, deadlines, silent. ARGV member, stream as JSON, silenceMs, forwardEveryMs, rememberMs, silentInMs. The latest that any
 * gateway heard of it counts.
 */
export const RESUME = `${NOW}
local state = redis.call('HGET', KEYS[1], 'state')
local deadline = now + ARGV[6]
if state == 'over' or (state == 'silent' and deadline <= now) then return 0 end
if state == 'watched' then
  local known = tonumber(redis.call('ZSCORE', KEYS[2], ARGV[1]) or 0)
  if known >= deadline or redis.call('HEXISTS', KEYS[1], 'end') == 1 then return 0 end
else
  redis.call('HSET', KEYS[1], 'state', 'watched', 'stream', ARGV[2], 'silence', ARGV[3], 'every', ARGV[4], 'forward', now)
  redis.call('PERSIST', KEYS[1])
  redis.call('ZREM', KEYS[3], ARGV[1])
end
redis.call('ZADD', KEYS[2], deadline, ARGV[1])
return 1
`;

/** KEYS grace. ARGV most, milliseconds. */
export const SHORTEN_GRACE = `${NOW}
local untilMs = tonumber(redis.call('GET', KEYS[1]) or 0)
if untilMs > now + ARGV[1] then redis.call('SET', KEYS[1], now + ARGV[1]) end
return 1
`;

/** KEYS stream, deadlines, silent. ARGV member. */
export const CANCEL = `
local state = redis.call('HGET', KEYS[1], 'state')
if state == 'expected' or state == 'silent' then
  redis.call('DEL', KEYS[1])
  redis.call('ZREM', KEYS[2], ARGV[1])
  redis.call('ZREM', KEYS[3], ARGV[1])
end
return 1
`;

/** KEYS stream, deadlines, silent. ARGV member, rememberMs, device or nothing. Answers state, stream, expires in, forward, end. */
export const BEAT = `${NOW}${FINISH}
local entry = redis.call('HMGET', KEYS[1], 'state', 'stream', 'silence', 'every', 'forward', 'end', 'endsAt')
if entry[1] == 'over' then return { 'over', '', 0, 0, entry[6] } end
if entry[1] == 'silent' then return { 'silent', '', 0, 0, '' } end
if entry[1] ~= 'watched' then return { 'unknown', '', 0, 0, '' } end
if ARGV[3] ~= '' and cjson.decode(entry[2]).deviceId ~= ARGV[3] then return { 'otherDevice', '', 0, 0, '' } end
if entry[6] then
  if tonumber(entry[7]) > now then return { 'alive', entry[2], entry[7] - now, 0, entry[6] } end
  finish(KEYS[1], ARGV[1], entry[6], ARGV[2])
  return { 'over', '', 0, 0, entry[6] }
end
redis.call('ZADD', KEYS[2], now + entry[3], ARGV[1])
local forward = 0
if tonumber(entry[5]) <= now then
  forward = 1
  redis.call('HSET', KEYS[1], 'forward', now + entry[4])
end
return { 'alive', entry[2], tonumber(entry[3]), forward, '' }
`;

/** KEYS stream. */
export const FORWARD_AGAIN = `
if redis.call('HGET', KEYS[1], 'state') == 'watched' then redis.call('HSET', KEYS[1], 'forward', 0) end
return 1
`;

/** KEYS stream, deadlines, silent. ARGV member, end as JSON, inMs, rememberMs. */
export const END = `${NOW}${FINISH}
if tonumber(ARGV[3]) > 0 and redis.call('HGET', KEYS[1], 'state') == 'watched' then
  redis.call('HSET', KEYS[1], 'end', ARGV[2], 'endsAt', now + ARGV[3])
  redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[1])
else
  finish(KEYS[1], ARGV[1], ARGV[2], ARGV[4])
end
return 1
`;

/**
 * KEYS deadlines, silent, swept, grace, recovered. ARGV most, claimMs, gapMs, graceMs. Answers whether it must recover, how many of
 * the members that follow are handed out again, those, and the ones whose deadline is over.
 */
export const SWEEP = `${NOW}
local swept = tonumber(redis.call('GET', KEYS[3]) or 0)
redis.call('SET', KEYS[3], now)
if now - swept > tonumber(ARGV[3]) then redis.call('SET', KEYS[4], now + ARGV[4]) end
local mustRecover = 1 - redis.call('EXISTS', KEYS[5])
if now < tonumber(redis.call('GET', KEYS[4]) or 0) then return { mustRecover, 0 } end
local again = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, ARGV[1])
local answer = { mustRecover, #again }
for _, member in ipairs(again) do
  redis.call('ZADD', KEYS[2], now + ARGV[2], member)
  table.insert(answer, member)
end
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])) do
  table.insert(answer, member)
end
return answer
`;

/** KEYS stream, deadlines, silent. ARGV member, claimMs, rememberMs. Answers 1 when it is silent since now. */
export const FALL_SILENT = `${NOW}${FINISH}
local deadline = redis.call('ZSCORE', KEYS[2], ARGV[1])
if not deadline or tonumber(deadline) > now then return 0 end
local plannedEnd = redis.call('HGET', KEYS[1], 'end')
if plannedEnd then
  finish(KEYS[1], ARGV[1], plannedEnd, ARGV[3])
  return 0
end
redis.call('HSET', KEYS[1], 'state', 'silent')
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZADD', KEYS[3], now + ARGV[2], ARGV[1])
return 1
`;
