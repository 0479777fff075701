/**
 * The Lua texts of the Redis driver: whatever must happen at one moment happens in one of them.
 *
 * Keys of a lock, all in one slot of a cluster (redis-keys.ts):
 *   lock    mutex, run: a string, its owner, that expires with the lease.
 *           read-write, semaphore: a sorted set of owners by the server µs at which their leases end.
 *           `=OWNER` instead of an owner: released, but kept locked for a while; nobody can renew it.
 *   fence   the last fence and how many after it were reserved, `FENCE+RESERVED`. Stays after the lock, for as long as the fence memory lasts.
 *   queue   a sorted set of waiting owners, lowest score first. Score: server µs of the arrival − priority × 1e12. Both are
 *           whole numbers and their sum stays below 2^53, so a double holds it exactly. 1e12 µs are 11 days: only
 *           after so long does a waiter overtake those of the next higher priority.
 *   owners  a hash, OWNER → `FENCE TTL WEIGHT CAPACITY RESERVE PRIORITY [META]`: of every waiter, of every holder of permits,
 *           and of a mutex's holder that waited or has meta. `used` → weight of all holders of permits.
 *   claim   a hash of a run: state, owner, keepMs. Stays after the run.
 *
 * Memory: over `maxmemory` Redis refuses the first command of a script that may take memory, and lets it take some once it
 * has written. So what must succeed then (renewing, releasing, settling) begins with a command that takes none.
 *
 * Numbers: in texts they are formatted with %.0f, because Lua would write 1790000000000000 as 1.79e+15. As arguments of a
 * command and in an answer Redis writes them out itself.
 */

// For how long entries of a queue outlive the lease that they wait for. Waiters ask again when it ends at the latest.
export const KEEP_MS = 3_600_000;

export const FENCE: string = `
-- max(last + 1, server µs), so that fences increase also after a loss of all data, and when the clock was set back.
local function nextFence(key, time, ttl, reserve)
  local fence = time[1] .. string.sub('00000' .. time[2], -6)
  local memory = math.max(ttl, FENCE_MEMORY_MS)
  local last = redis.call('SET', key, fence .. '+' .. reserve, 'PX', memory, 'GET')
  if last then
    local given, reserved = string.match(last, '^(%d+)%+(%d+)$')
    if given + reserved >= tonumber(fence) then
      fence = string.format('%.0f', given + reserved + 1)
      redis.call('SET', key, fence .. '+' .. reserve, 'PX', memory)
    end
  end
  return fence
end`;

export const KEEP: string = `
local function keep(key, ms)
  if redis.call('PTTL', key) < ms then redis.call('PEXPIRE', key, ms) end
end`;

// The epoch has no expiry, so it is missing only when Redis has lost its data: then holders from before still believe in leases.
export const GUARD: string = `
local function quarantineMs(key)
  local time = redis.call('TIME')
  local now = time[1] * 1000000 + time[2]
  local epoch = redis.call('GET', key)
  if not epoch then
    epoch = now + RESTART_GUARD_MS * 1000
    redis.call('SET', key, string.format('%.0f', epoch))
  end
  return math.ceil((epoch - now) / 1000), now
end`;

export const LOCK: string = `
local lock, fences, queue, owners = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local pass
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

-- What is known of an owner, or what is true of one of whom nothing is known: only a mutex has such.
local function record(owner)
  local text = redis.call('HGET', owners, owner)
  if not text then return { fence = '0', ttl = HANDOFF_MS, weight = 1, capacity = 1, reserve = '0', priority = '0', meta = '' } end
  local fence, ttl, weight, capacity, reserve, priority, meta = string.match(text, '^(%d+) (%d+) (%d+) (%d+) (%d+) (%-?%d+) ?(.*)$')
  return { fence = fence, ttl = ttl, weight = weight, capacity = capacity, reserve = reserve, priority = priority, meta = meta }
end

local function write(owner, it)
  local text = table.concat({ it.fence, it.ttl, it.weight, it.capacity, it.reserve, it.priority }, ' ')
  redis.call('HSET', owners, owner, it.meta == '' and text or text .. ' ' .. it.meta)
  keep(owners, it.ttl + ${KEEP_MS})
end`;

/** Comes after `local current`, what the lock holds. Steps count here: waiters get their message when the script has ended. */
export const MUTEX: string = `
local function holder() return current end

local function holders() return { current or nil } end

local function holds(owner) return current == owner end

local function isFree() return not current end

local function fits() return not current end

local function leftMs()
  local ms = redis.call('PTTL', lock)
  return ms == -1 and ${KEEP_MS} or math.max(0, ms) -- Without an expiry it is not from here; somebody will notice.
end

local function give(owner, it)
  redis.call('SET', lock, owner, 'PX', it.ttl)
  current = owner
  if it.meta ~= '' then write(owner, it) end
end

-- The key itself is overwritten, or deleted in the end.
local function take(owner)
  redis.call('HDEL', owners, owner)
  current = false
end

-- A holder asks again: after a lost answer, or to make the lease of a hand-off a full one.
local function again(owner, it)
  redis.call('PEXPIRE', lock, it.ttl)
  redis.call('PEXPIRE', fences, math.max(it.ttl, FENCE_MEMORY_MS))
  local last = redis.call('GET', fences)
  return last and string.match(last, '^%d+') or nextFence(fences, time, it.ttl, it.reserve)
end`;

export const PERMITS: string = `
local used = tonumber(redis.call('HGET', owners, 'used') or 0)

local function use(weight) used = redis.call('HINCRBY', owners, 'used', weight) end

local function holder() return redis.call('ZRANGE', lock, 0, 0)[1] end

local function holders() return redis.call('ZRANGE', lock, 0, -1) end

local function holds(owner) return redis.call('ZSCORE', lock, owner) end

local function isFree() return redis.call('EXISTS', lock) == 0 end

local function fits(it) return used + it.weight <= tonumber(it.capacity) end

local function leftMs()
  local first = redis.call('ZRANGE', lock, 0, 0, 'WITHSCORES')
  return first[2] and math.ceil((first[2] - now) / 1000) or 0
end

local function lease(owner, it)
  redis.call('ZADD', lock, now + it.ttl * 1000, owner)
  keep(lock, tonumber(it.ttl))
  write(owner, it)
end

local function give(owner, it)
  lease(owner, it)
  use(it.weight)
end

local function take(owner)
  local weight = record(owner).weight
  redis.call('ZREM', lock, owner)
  redis.call('HDEL', owners, owner)
  use(-weight)
end

-- A holder asks again: after a lost answer, to make the lease of a hand-off a full one, or to need less from now on.
local function again(owner, it)
  local before = record(owner)
  local less = before.weight - it.weight
  if less <= 0 then it.weight = before.weight end
  it.fence, it.meta = before.fence, before.meta
  lease(owner, it)
  if less > 0 then
    use(-less)
    pass()
  end
  return it.fence
end

-- Those whose leases have ended hold nothing. Redis itself has removed the set when all of them have.
for _, owner in ipairs(redis.call('ZRANGEBYSCORE', lock, '-inf', now)) do take(owner) end
if used ~= 0 and isFree() then
  redis.call('HDEL', owners, 'used')
  used = 0
end`;

export const QUEUE: string = `
local front = redis.call('ZRANGE', queue, 0, 0)[1]
local frontBefore = front

local function leave(owner)
  redis.call('ZREM', queue, owner)
  front = redis.call('ZRANGE', queue, 0, 0)[1]
end

-- How many clients received it; a table when this user may not send messages.
local function tell(owner, message)
  return redis.pcall('PUBLISH', CHANNEL .. string.match(owner, '^[^.]+'), message)
end

-- Tells the first of the queue that it is, and when the lease before it ends.
local function announce()
  if front then tell(front, string.format('H|%s|%.0f', front, leftMs())) end
end

local function serve(owner, it)
  it.fence = nextFence(fences, time, it.ttl, it.reserve)
  give(owner, it)
  return it.fence
end

-- Gives what is free to the waiters in their order, leaving out the dead. Results: the fence of the asker, who needs no
-- message; how many others were served; whether messages cannot be sent, so that nobody can be served.
function pass(asker)
  local fence, served = nil, 0
  while front do
    local owner, it = front, record(front)
    if not fits(it) then break end
    if owner == asker then
      leave(owner)
      fence = serve(owner, it)
    else
      it.ttl = math.min(it.ttl, HANDOFF_MS)
      it.fence = nextFence(fences, time, it.ttl, it.reserve)
      local heard = tell(owner, string.format('G|%s|%s|%d|%.0f', owner, it.fence, it.ttl, now))
      if type(heard) == 'table' then return fence, served, true end
      leave(owner)
      if heard == 0 and COUNTS_RECEIVERS then
        redis.call('HDEL', owners, owner)
      else
        give(owner, it)
        served = served + 1
      end
    end
  end
  return fence, served, false
end

local function finish(asker)
  if isFree() then
    redis.call('DEL', lock)
    if not front then redis.call('DEL', owners) end
  end
  if front ~= frontBefore and front ~= asker then announce() end
end`;
