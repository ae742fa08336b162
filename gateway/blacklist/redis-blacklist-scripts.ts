/**
 * The steps of the shared blacklist. KEYS in all: blocks by key (hash), keys by expiry (sorted set), state (hash of
 * `generation` and `version`), channel. A generation lasts as long as Redis keeps its data; the version counts changes. Each
 * answers generation and version. Lua writes large numbers with an exponent, hence the format.
 */
const BEGIN = `
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('HSETNX', KEYS[3], 'generation', ARGV[1])
local generation = redis.call('HGET', KEYS[3], 'generation')
local function put(key, block, expiresAt)
  redis.call('HSET', KEYS[1], key, block)
  if expiresAt == '' then redis.call('ZREM', KEYS[2], key) else redis.call('ZADD', KEYS[2], expiresAt, key) end
end
local function changed(change)
  local version = redis.call('HINCRBY', KEYS[3], 'version', 1)
  local head = '{"generation":' .. cjson.encode(generation) .. ',"version":' .. string.format('%.0f', version)
  redis.call('PUBLISH', KEYS[4], head .. change .. '}')
  return { generation, version }
end
`;

/** ARGV generation if there is none, key, block as JSON, when it expires or '', most blocks. Answers nothing when full. */
export const BLOCK = `${BEGIN}
for _, key in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 1000)) do
  redis.call('HDEL', KEYS[1], key)
  redis.call('ZREM', KEYS[2], key)
end
if redis.call('HEXISTS', KEYS[1], ARGV[2]) == 0 and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[5]) then return false end
put(ARGV[2], ARGV[3], ARGV[4])
return changed(',"key":' .. cjson.encode(ARGV[2]) .. ',"block":' .. ARGV[3])
`;

/** ARGV generation if there is none, key. Answers nothing when there was no such block. */
export const UNBLOCK = `${BEGIN}
local expiresAt = redis.call('ZSCORE', KEYS[2], ARGV[2])
redis.call('ZREM', KEYS[2], ARGV[2])
if redis.call('HDEL', KEYS[1], ARGV[2]) == 0 then return false end
local answer = changed(',"key":' .. cjson.encode(ARGV[2]))
if expiresAt and tonumber(expiresAt) <= now then return false end
return answer
`;

/** ARGV generation if there is none, most blocks, then key, block and expiry of blocks that are added where they are missing. */
export const MERGE = `${BEGIN}
local room = tonumber(ARGV[2]) - redis.call('HLEN', KEYS[1])
for index = 3, #ARGV, 3 do
  if room > 0 and redis.call('HEXISTS', KEYS[1], ARGV[index]) == 0 then
    put(ARGV[index], ARGV[index + 1], ARGV[index + 2])
    room = room - 1
  end
end
return changed('')
`;
