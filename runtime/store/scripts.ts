/** What Redis must do in one step, as scripts it runs (EVAL, with keys of one slot each, so that a cluster takes them too). */
import { maxRevisionChars } from './revision.ts'

/** KEYS[1]; ARGV: value, ttl (ms). Prolongs the entry if it holds the value. */
export const renewScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`

/**
 * KEYS[1]; ARGV: the revision that must be stored, text, ttl (ms). A text says its revision in its first bytes: see
 * `revision.ts`, which reads it likewise.
 */
export const compareAndSetScript = `
local start = redis.call('GETRANGE', KEYS[1], 0, ${maxRevisionChars} - 1)
local revision = string.match(start, '^{"revision":(%d+)[,}]') or '0'
if revision ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
`

/** KEYS[1]; ARGV: by, ttl (ms). The first addition starts the life of the counter. */
export const incrementScript = `
local sum = redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return sum
`

/** KEYS[1]; ARGV: ttl (ms), words of fields. */
export const createUnlessThereScript = `
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
`

/**
 * KEYS[1]; ARGV: ttl (ms), field that has the number of the writer's last write, or '', number of this one, field that
 * must be empty or '', count of the words of fields that must hold a value, those words, count of set words, set words,
 * add words.
 */
const changeRecord = `
local function change()
  if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
  if ARGV[2] ~= '' and tonumber(redis.call('HGET', KEYS[1], ARGV[2]) or '0') >= tonumber(ARGV[3]) then return 1 end
  if ARGV[4] ~= '' then
    local held = redis.call('HGET', KEYS[1], ARGV[4])
    if held and held ~= '' then return 0 end
  end
  local setsAt = 6 + tonumber(ARGV[5])
  for i = 6, setsAt - 1, 2 do
    if redis.call('HGET', KEYS[1], ARGV[i]) ~= ARGV[i + 1] then return 0 end
  end
  local addsAt = setsAt + 1 + tonumber(ARGV[setsAt])
  for i = setsAt + 1, addsAt - 1, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
  for i = addsAt, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
  if ARGV[2] ~= '' then redis.call('HSET', KEYS[1], ARGV[2], ARGV[3]) end
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  return 1
end
`

/** Arguments: see above. */
export const updateScript = `${changeRecord}
return change()
`

/** Arguments: see above. Answers whether it changed the record, and all fields. */
export const updateAndReadScript = `${changeRecord}
local changed = change()
return {changed, redis.call('HGETALL', KEYS[1])}
`

/** Unix time (ms) by the clock of Redis: of replicas, one whose own is ahead would take what others hold for expired. */
const readTime = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`

const addMember = `
local function add(member, ttl)
  redis.call('ZADD', KEYS[1], now + ttl, member)
  redis.call('PEXPIRE', KEYS[1], ttl, 'GT')
  redis.call('PEXPIRE', KEYS[1], ttl, 'NX')
end
`

/** KEYS[1]; ARGV: member, ttl (ms). Lists a member, or prolongs it. */
export const listScript = `${readTime}${addMember}
add(ARGV[1], ARGV[2])
return 1
`

/** KEYS[1]; ARGV: member, most members, ttl (ms). Lists a member unless the list is full. */
export const enlistScript = `${readTime}${addMember}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local isListed = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not isListed and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
add(ARGV[1], ARGV[3])
return 1
`

/** KEYS[1]; ARGV: index of the first member, index of the last. Answers those that have not expired, and how many there are. */
export const pageScript = `${readTime}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
return {redis.call('ZRANGE', KEYS[1], ARGV[1], ARGV[2]), redis.call('ZCARD', KEYS[1])}
`

/**
 * KEYS[1]; ARGV: ttl (ms), field that has the number of the writer's last write, or '', number of this one, add words.
 * Makes the record where there is none.
 */
export const accumulateScript = `
if ARGV[2] ~= '' then
  if tonumber(redis.call('HGET', KEYS[1], ARGV[2]) or '0') >= tonumber(ARGV[3]) then return 0 end
  redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
end
for i = 4, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
`

/** What both scripts of an account begin with. KEYS[1]: entries by expiry; KEYS[2]: their bytes, and the sum as '*'. */
const forgetEntry = `
local function forget(entry)
  local bytes = redis.call('HGET', KEYS[2], entry)
  if bytes then
    redis.call('HINCRBY', KEYS[2], '*', '-' .. bytes)
    redis.call('HDEL', KEYS[2], entry)
  end
  redis.call('ZREM', KEYS[1], entry)
end
`

/** KEYS: see above; ARGV: entry, bytes, ttl (ms), most entries, most bytes. Charges an entry if the quota allows it. */
export const chargeScript = `${forgetEntry}${readTime}
for _, entry in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)) do forget(entry) end
local entries = redis.call('ZCARD', KEYS[1])
-- Redis may have evicted one of the two keys.
if entries == 0 then redis.call('DEL', KEYS[2]) end
local held = redis.call('HGET', KEYS[2], ARGV[1])
if not held then entries = entries + 1 end
local change = ARGV[2] - (held or 0)
local sum = (redis.call('HGET', KEYS[2], '*') or 0) + change
if entries > tonumber(ARGV[4]) or sum > tonumber(ARGV[5]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('HINCRBY', KEYS[2], '*', change)
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2]
redis.call('PEXPIREAT', KEYS[1], last)
redis.call('PEXPIREAT', KEYS[2], last)
return 1
`

/** KEYS: see above; ARGV: entry. */
export const dischargeScript = `${forgetEntry}
forget(ARGV[1])
return 1
`

/**
 * KEYS: members by expiry, their thousandths of a unit, the list; ARGV: member, thousandths, ttl (ms). Makes the list as
 * long as all members have units. An autoscaler reads lists (keda.sh/docs/latest/scalers/redis-lists).
 */
export const unitsScript = `${readTime}
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)) do
  redis.call('ZREM', KEYS[1], member)
  redis.call('HDEL', KEYS[2], member)
end
if tonumber(ARGV[2]) > 0 then
  redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
else
  redis.call('ZREM', KEYS[1], ARGV[1])
  redis.call('HDEL', KEYS[2], ARGV[1])
end
local sum = 0
for _, thousandths in ipairs(redis.call('HVALS', KEYS[2])) do sum = sum + thousandths end
local units = math.ceil(sum / 1000)
local length = redis.call('LLEN', KEYS[3])
for i = length + 1, units do redis.call('RPUSH', KEYS[3], '1') end
if units == 0 then redis.call('DEL', KEYS[3]) elseif length > units then redis.call('LTRIM', KEYS[3], 0, units - 1) end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[3]) end
return units
`
