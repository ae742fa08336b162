/**
 * The steps of {@link RedisBeatStore}. A stream is a hash (`state`: expected, watched, silent, told or over), its deadline a score in
 * the sorted set of all live ones. Times are Redis's own, milliseconds.
 */
const NOW = `
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
`;

/** The sets are what is swept. */
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

/**
 * KEYS stream, deadlines, silent. ARGV member, stream as JSON, silenceMs, forwardEveryMs, forwardInMs, silentInMs, 'confirm',
 * 'adopt' or 'discover'.
 */
export const WATCH = `${NOW}
local state = redis.call('HGET', KEYS[1], 'state')
if state == 'over' then return 0 end
if state == 'watched' and (ARGV[7] ~= 'confirm' or redis.call('HEXISTS', KEYS[1], 'end') == 1) then return 0 end
if (state == 'silent' or state == 'told') and ARGV[7] == 'discover' then return 0 end
redis.call('HSET', KEYS[1], 'state', 'watched', 'stream', ARGV[2], 'silence', ARGV[3], 'every', ARGV[4], 'forward', now + ARGV[5])
redis.call('PERSIST', KEYS[1])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('ZADD', KEYS[2], now + ARGV[6], ARGV[1])
return 1
`;

/**
 * KEYS stream, deadlines, silent. ARGV member, stream as JSON, silenceMs, forwardEveryMs, rememberMs, silentInMs. The latest that any
 * gateway heard of it counts.
 */
export const RESUME = `${NOW}
local state = redis.call('HGET', KEYS[1], 'state')
local deadline = now + ARGV[6]
if state == 'over' or ((state == 'silent' or state == 'told') and deadline <= now) then return 0 end
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
if state == 'expected' or state == 'silent' or state == 'told' then
  redis.call('DEL', KEYS[1])
  redis.call('ZREM', KEYS[2], ARGV[1])
  redis.call('ZREM', KEYS[3], ARGV[1])
end
return 1
`;

/** The epoch is an id of its own, so that one of before a loss of data is never taken for one of after it. */
const RECOVERED = `
local function recovered(epochKey, recoveredKey)
  local epoch = redis.call('GET', epochKey)
  return epoch and epoch == redis.call('GET', recoveredKey)
end
`;

/**
 * KEYS stream, deadlines, silent, epoch, recovered epoch, unread accounts. ARGV member, rememberMs, user, device or nothing. Answers
 * state, stream, expires in, forward (of an unknown one: recovering), end.
 */
export const BEAT = `${NOW}${FINISH}${RECOVERED}
local entry = redis.call('HMGET', KEYS[1], 'state', 'stream', 'silence', 'every', 'forward', 'end')
if entry[1] == 'over' then return { 'over', '', 0, 0, entry[6] } end
if entry[1] == 'told' or entry[1] == 'silent' and not entry[2] then return { 'told', '', 0, 0, '' } end
if entry[1] ~= 'watched' and entry[1] ~= 'silent' then
  local known = recovered(KEYS[4], KEYS[5]) and not redis.call('ZSCORE', KEYS[6], ARGV[3])
  return { 'unknown', '', 0, known and 0 or 1, '' }
end
if ARGV[4] ~= '' and cjson.decode(entry[2]).deviceId ~= ARGV[4] then return { 'otherDevice', '', 0, 0, '' } end
if entry[1] == 'silent' then
  redis.call('HSET', KEYS[1], 'state', 'watched')
  redis.call('ZREM', KEYS[3], ARGV[1])
end
if entry[6] then
  local endsAt = tonumber(redis.call('ZSCORE', KEYS[2], ARGV[1]) or 0)
  if endsAt > now then return { 'alive', entry[2], endsAt - now, 0, entry[6] } end
  finish(KEYS[1], ARGV[1], entry[6], ARGV[2])
  return { 'over', '', 0, 0, entry[6] }
end
redis.call('ZADD', KEYS[2], now + entry[3], ARGV[1])
local forward = 0
local forwardAt = tonumber(entry[5])
-- Later than it can be by a clock that went back since.
if forwardAt <= now or forwardAt > now + entry[4] then
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
  redis.call('HSET', KEYS[1], 'end', ARGV[2])
  redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[1])
else
  finish(KEYS[1], ARGV[1], ARGV[2], ARGV[4])
end
return 1
`;

/**
 * KEYS deadlines, silent, swept, grace, epoch, recovered epoch, unread accounts. ARGV most, claimMs, gapMs, graceMs. Answers whether
 * it must recover, the members whose deadline is over, those that are handed out again, and the users of accounts to be read.
 * The first go before the second: what could not be reported before must not be in their way.
 *
 * After a pause nothing is silent for a while. A clock that went ahead looks like a pause; one that went back would put off
 * every end by as much, so all times are put back with it.
 */
export const SWEEP = `${NOW}${RECOVERED}
local swept = tonumber(redis.call('GET', KEYS[3]) or 0)
if swept - now > tonumber(ARGV[3]) then
  for _, key in ipairs({ KEYS[1], KEYS[2], KEYS[7] }) do
    local entries = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
    for index = 1, #entries, 2 do redis.call('ZADD', key, entries[index + 1] - (swept - now), entries[index]) end
  end
  local grace = redis.call('GET', KEYS[4])
  if grace then redis.call('SET', KEYS[4], grace - (swept - now)) end
end
redis.call('SET', KEYS[3], now)
if now - swept > tonumber(ARGV[3]) then redis.call('SET', KEYS[4], now + ARGV[4]) end
local due = {}
local again = {}
if now >= tonumber(redis.call('GET', KEYS[4]) or 0) then
  due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
  again = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, ARGV[1] - #due)
end
local unread = redis.call('ZRANGEBYSCORE', KEYS[7], '-inf', now, 'LIMIT', 0, ARGV[1])
for _, member in ipairs(again) do redis.call('ZADD', KEYS[2], now + ARGV[2], member) end
for _, user in ipairs(unread) do redis.call('ZADD', KEYS[7], now + ARGV[2], user) end
return { recovered(KEYS[5], KEYS[6]) and 0 or 1, due, again, unread }
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
redis.call('PERSIST', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZADD', KEYS[3], now + ARGV[2], ARGV[1])
return 1
`;

/** KEYS stream, deadlines, silent. ARGV member. Answers 1 when it is still silent. */
export const TELL = `
if not redis.call('ZSCORE', KEYS[3], ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'state', 'told')
return 1
`;

/** KEYS stream. Answers 1 when its next beat is left to its account. */
export const DOUBT = `
if redis.call('HGET', KEYS[1], 'state') ~= 'watched' or redis.call('HEXISTS', KEYS[1], 'end') == 1 then return 0 end
redis.call('HSET', KEYS[1], 'state', 'told')
return 1
`;

/** KEYS sorted set. ARGV inMs, 'XX' (only those in it) or 'CH' (any), members. */
export const SET_TIMES = `${NOW}
for index = 3, #ARGV do redis.call('ZADD', KEYS[1], ARGV[2], now + ARGV[1], ARGV[index]) end
return 1
`;

/** KEYS epoch, recovered epoch, recovering. ARGV id of an epoch, id of the caller, recoveryMs. Answers the epoch, '' for no. */
export const BEGIN_RECOVERY = `${RECOVERED}
if recovered(KEYS[1], KEYS[2]) then return '' end
if not redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[3], 'NX') then return '' end
redis.call('SET', KEYS[1], ARGV[1], 'NX')
return redis.call('GET', KEYS[1])
`;

/** KEYS recovering. ARGV id of the caller, recoveryMs. */
export const RENEW_RECOVERY = `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1
`;

/** KEYS epoch, recovered epoch, recovering. ARGV epoch or, for none, '', id of the caller. */
export const END_RECOVERY = `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('SET', KEYS[2], ARGV[1]) end
if redis.call('GET', KEYS[3]) == ARGV[2] then redis.call('DEL', KEYS[3]) end
return 1
`;
