/** What Redis must do in one step, as scripts it runs (EVAL, one key each, so that a cluster takes them too). */

/** KEYS[1]; ARGV: value, ttl (ms). Prolongs the entry if it holds the value. */
export const renewScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`

/** KEYS[1]; ARGV: by, ttl (ms). The first addition starts the life of the counter. */
export const incrementScript = `
local sum = redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return sum
`

/**
 * KEYS[1]; ARGV: ttl (ms), field that must be empty or '', field that must hold a value or '', that value,
 * count of set words, set words, add words.
 */
export const updateScript = `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if ARGV[2] ~= '' then
  local held = redis.call('HGET', KEYS[1], ARGV[2])
  if held and held ~= '' then return 0 end
end
if ARGV[3] ~= '' and redis.call('HGET', KEYS[1], ARGV[3]) ~= ARGV[4] then return 0 end
local sets = tonumber(ARGV[5])
for i = 6, 5 + sets, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
for i = 6 + sets, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
`
