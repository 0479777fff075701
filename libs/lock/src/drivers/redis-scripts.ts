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
 * has written. So a release, which must succeed, deletes before it gives, and an acquisition begins with SET or is refused whole.
 *
 * Numbers: in texts they are formatted with %.0f, because Lua would write 1790000000000000 as 1.79e+15. As arguments of a
 * command and in an answer Redis writes them out itself.
 */

export interface ScriptSettings {
  /** Begins the names of the instances' channels. Safe inside a Lua string. */
  readonly channel: string;
  readonly handoffMs: number;
  readonly fenceMemoryMs: number;
  /** A message that nobody received means that its instance is dead. Not in a Cluster, where a node counts its own clients only. */
  readonly countsReceivers: boolean;
  /** 0: no guard. */
  readonly restartGuardMs: number;
}

// For how long entries of a queue outlive the lease that they wait for. Waiters ask again when it ends at the latest.
const KEEP_MS = 3_600_000;

const FENCE = `
-- max(last + 1, server µs), so that fences increase also after a loss of all data, and when the clock was set back.
local function nextFence(key, ttl, reserve)
  local time = redis.call('TIME')
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

const KEEP = `
local function keep(key, ms)
  if redis.call('PTTL', key) < ms then redis.call('PEXPIRE', key, ms) end
end`;

// The epoch has no expiry, so it is missing only when Redis has lost its data: then holders from before still believe in leases.
const GUARD = `
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

const LOCK = `
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

const MUTEX = `
local function holder() return redis.call('GET', lock) end

local function holders() return { holder() or nil } end

local function holds(owner) return holder() == owner end

local function fits() return not holder() end

local function leftMs()
  local ms = redis.call('PTTL', lock)
  return ms == -1 and ${KEEP_MS} or math.max(0, ms) -- Without an expiry it is not from here; somebody will notice.
end

local function give(owner, it)
  redis.call('SET', lock, owner, 'PX', it.ttl)
  if it.meta ~= '' then write(owner, it) end
end

local function take(owner)
  redis.call('DEL', lock)
  redis.call('HDEL', owners, owner)
end

-- A holder asks again: after a lost answer, or to make the lease of a hand-off a full one.
local function again(owner, it)
  redis.call('PEXPIRE', lock, it.ttl)
  local last = redis.call('GET', fences)
  return last and string.match(last, '^%d+') or nextFence(fences, it.ttl, it.reserve)
end`;

const PERMITS = `
local used = tonumber(redis.call('HGET', owners, 'used') or 0)

local function use(weight) used = redis.call('HINCRBY', owners, 'used', weight) end

local function holder() return redis.call('ZRANGE', lock, 0, 0)[1] end

local function holders() return redis.call('ZRANGE', lock, 0, -1) end

local function holds(owner) return redis.call('ZSCORE', lock, owner) end

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
if used ~= 0 and redis.call('EXISTS', lock) == 0 then use(-used) end`;

const QUEUE = `
local function first() return redis.call('ZRANGE', queue, 0, 0)[1] end

-- How many clients received it; a table when this user may not send messages.
local function tell(owner, message)
  return redis.pcall('PUBLISH', CHANNEL .. string.match(owner, '^[^.]+'), message)
end

local function announce(owner)
  if owner then tell(owner, string.format('H|%s|%.0f', owner, leftMs())) end
end

local function leave(owner)
  redis.call('ZREM', queue, owner)
  redis.call('HDEL', owners, owner)
end

local function serve(owner, it)
  it.fence = nextFence(fences, it.ttl, it.reserve)
  redis.call('ZREM', queue, owner)
  give(owner, it)
  return it.fence
end

-- Gives what is free to the waiters in their order, leaving out the dead. Results: the fence of the asker, who is not
-- sent a message; how many others were served; whether messages cannot be sent, so that nobody can be served.
function pass(asker)
  local fence, served = nil, 0
  local owner = first()
  while owner do
    local it = record(owner)
    if not fits(it) then break end
    if owner == asker then
      fence = serve(owner, it)
    else
      it.ttl = math.min(it.ttl, HANDOFF_MS)
      it.fence = nextFence(fences, it.ttl, it.reserve)
      local heard = tell(owner, string.format('G|%s|%s|%d|%.0f', owner, it.fence, it.ttl, now))
      if type(heard) == 'table' then return fence, served, true end
      if heard == 0 and COUNTS_RECEIVERS then
        leave(owner)
      else
        redis.call('ZREM', queue, owner)
        give(owner, it)
        served = served + 1
      end
    end
    owner = first()
  end
  if served > 0 then announce(owner) end
  return fence, served, false
end

local function tidy()
  if redis.call('EXISTS', lock, queue) == 0 then redis.call('DEL', owners) end
end`;

const ACQUIRE = `
local owner = ARGV[1]
local weight, capacity, priority, waits, barges = string.match(ARGV[4], '^(%d+) (%d+) (%-?%d+) (%a+) (%a+)$')
local it = { fence = '0', ttl = ARGV[2], weight = weight, capacity = capacity, reserve = ARGV[3], priority = priority, meta = ARGV[5] or '' }
waits, barges = waits == 'true', barges == 'true'

if holds(owner) then
  local fence = again(owner, it)
  return { 1, fence, redis.call('EXISTS', queue), 0 }
end

local rank = redis.call('ZRANK', queue, owner)
local fence, served, mute
if (barges or rank == 0 or redis.call('EXISTS', queue) == 0) and fits(it) then
  fence = serve(owner, it)
else
  if not waits then
    if rank then leave(owner) end
  elseif not rank then
    local score = now - it.priority * 1e12
    -- A newcomer stays behind those of its priority also when the clock was set back.
    local last = redis.call('ZREVRANGEBYSCORE', queue, score + 5e11, score, 'WITHSCORES', 'LIMIT', 0, 1)
    redis.call('ZADD', queue, last[2] and last[2] + 1 or score, owner)
    write(owner, it)
  end
  fence, served, mute = pass(owner)
  if not fence and (mute or redis.call('EXISTS', queue) == 0) and fits(it) then fence = serve(owner, it) end
end

if fence then
  if rank then announce(first()) end
  return { 1, fence, redis.call('EXISTS', queue), rank and 0 or 1 }
end
local left = leftMs()
if waits then
  keep(queue, left + ${KEEP_MS})
  keep(owners, left + ${KEEP_MS})
end
return { 0, holder() or false, left, waits and redis.call('ZRANK', queue, owner) or -1, rank and 0 or 1, now }`;


const RELEASE = `
local owner, keepMs = ARGV[1], ARGV[2]
if holds(owner) then
  local it = record(owner)
  take(owner)
  if keepMs then
    it.ttl, it.meta = keepMs, ''
    give('=' .. owner, it)
    announce(first())
    return 3
  end
  local _, served = pass()
  tidy()
  return served > 0 and 2 or 1
end
if holds('=' .. owner) then return 3 end

local rank = redis.call('ZRANK', queue, owner)
if not rank then return 0 end
leave(owner)
local _, served = pass()
if rank == 0 and served == 0 then announce(first()) end
tidy()
return 4`;

const FORCE_RELEASE = `
local ended = 0
for _, owner in ipairs(holders()) do
  if ARGV[1] == '' or ARGV[1] == owner then
    take(owner)
    if string.sub(owner, 1, 1) ~= '=' then tell(owner, 'R|' .. owner) end
    ended = ended + 1
  end
end
if ended > 0 then
  pass()
  tidy()
end
return ended`;

// A free mutex that nobody waits for, in as few steps as can be: nearly every mutex is.
const ACQUIRE_FREE_MUTEX = `
if not ARGV[5] and redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2], 'NX') then
  if redis.call('EXISTS', KEYS[3]) == 0 then return nextFence(KEYS[2], ARGV[2], ARGV[3]) end
  redis.call('DEL', KEYS[1])
end`;

const RELEASE_UNWANTED_MUTEX = `
if redis.call('GET', KEYS[1]) == ARGV[1] and not ARGV[2] and redis.call('EXISTS', KEYS[3]) == 0 then
  redis.call('DEL', KEYS[1], KEYS[4])
  return 1
end`;

const REFUSE_IN_QUARANTINE = `
local quarantine, clock = quarantineMs(KEYS[5])
if quarantine > 0 then return { 0, false, quarantine, -1, 1, clock } end`;

const FAIL_IN_QUARANTINE = `
local quarantine = quarantineMs(KEYS[4])
if quarantine > 0 then return redis.error_reply('QUARANTINE nothing can be claimed for ' .. quarantine .. ' ms, because Redis has lost its data') end`;

const RENEW = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local answers = {}
for i = 0, #ARGV / 3 - 1 do
  local lock, fence, queue, owners = KEYS[4 * i + 1], KEYS[4 * i + 2], KEYS[4 * i + 3], KEYS[4 * i + 4]
  local kind, owner, ttl = ARGV[3 * i + 1], ARGV[3 * i + 2], tonumber(ARGV[3 * i + 3])
  local left, holder = -1, false
  if kind == 'permits' then
    local ends = redis.call('ZSCORE', lock, owner)
    if ends and tonumber(ends) > now then
      left = math.floor((ends - now) / 1000)
      redis.call('ZADD', lock, now + ttl * 1000, owner)
      keep(lock, ttl)
    else
      holder = redis.call('ZRANGEBYSCORE', lock, string.format('(%.0f', now), '+inf', 'LIMIT', 0, 1)[1] or false
    end
  else
    holder = redis.call('GET', lock)
    if holder == owner then
      left = redis.call('PTTL', lock)
      redis.call('PEXPIRE', lock, ttl)
    end
  end
  if left >= 0 then
    redis.call('PEXPIRE', fence, math.max(ttl, FENCE_MEMORY_MS))
    if kind == 'run' then
      local claim = KEYS[4 * i + 3]
      keep(claim, math.max(ttl, tonumber(redis.call('HGET', claim, 'keepMs') or 0)))
    elseif redis.call('EXISTS', queue, owners) > 0 then
      keep(queue, ttl + ${KEEP_MS})
      keep(owners, ttl + ${KEEP_MS})
    end
  end
  answers[2 * i + 1] = left
  answers[2 * i + 2] = holder
end
return answers`;

const CLAIM = `
local owner, ttl, keepMs = ARGV[1], ARGV[2], ARGV[3]
local known = redis.call('HMGET', KEYS[3], 'state', 'owner')
local state, before = known[1], known[2]
local holder = redis.call('GET', KEYS[1])
if state == 'done' then return { 0, 'done', before } end
if holder and holder ~= owner then return { 0, 'running', holder } end
if state and not holder and ARGV[4] == 'skip' then return { 0, 'crashed', before } end

local fence
if holder then
  fence = string.match(redis.call('GET', KEYS[2]) or '', '^%d+')
  redis.call('PEXPIRE', KEYS[1], ttl)
else
  redis.call('SET', KEYS[1], owner, 'PX', ttl)
end
fence = fence or nextFence(KEYS[2], ttl, '0')
redis.call('HSET', KEYS[3], 'state', 'running', 'owner', owner, 'keepMs', keepMs)
keep(KEYS[3], math.max(ttl, keepMs))
return { 1, fence }`;

const SETTLE = `
local owner = ARGV[1]
if redis.call('HGET', KEYS[2], 'owner') ~= owner then return 0 end
if redis.call('GET', KEYS[1]) == owner then redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[2], 'state', 'done')
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return 1`;

const INSPECT = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local holders = {}
if ARGV[1] == 'permits' then
  holders = redis.call('ZRANGEBYSCORE', KEYS[1], string.format('(%.0f', now), '+inf', 'WITHSCORES')
else
  local owner = redis.call('GET', KEYS[1])
  if owner then holders = { owner, string.format('%.0f', now + redis.call('PTTL', KEYS[1]) * 1000) } end
end
return { now, holders, redis.call('GET', KEYS[2]), redis.call('ZRANGE', KEYS[3], 0, -1), redis.call('HGETALL', KEYS[4]), redis.call('HGET', KEYS[5], 'state') }`;

export interface ScriptText {
  readonly lua: string;
  /** Undefined: given with each call. */
  readonly numberOfKeys?: number;
}

export type ScriptName =
  | 'acquireMutex'
  | 'acquirePermits'
  | 'releaseMutex'
  | 'releasePermits'
  | 'forceReleaseMutex'
  | 'forceReleasePermits'
  | 'renew'
  | 'renewEach'
  | 'claim'
  | 'settle'
  | 'inspect';

export function scriptTexts(settings: ScriptSettings): Readonly<Record<ScriptName, ScriptText>> {
  const { channel, handoffMs, fenceMemoryMs, countsReceivers, restartGuardMs } = settings;
  const constants = `local CHANNEL, HANDOFF_MS, FENCE_MEMORY_MS, COUNTS_RECEIVERS, RESTART_GUARD_MS = '${channel}', ${handoffMs}, ${fenceMemoryMs}, ${countsReceivers}, ${restartGuardMs}`;
  const guarded = restartGuardMs > 0;
  const script = (numberOfKeys: number | undefined, ...parts: readonly string[]): ScriptText => ({ lua: [constants, ...parts].join('\n'), ...(numberOfKeys && { numberOfKeys }) });
  const mutex = [KEEP, LOCK, MUTEX, QUEUE];
  const permits = [FENCE, KEEP, LOCK, PERMITS, QUEUE];
  return {
    // KEYS lock fence queue owners [epoch]  ARGV owner ttl reserve 'WEIGHT CAPACITY PRIORITY QUEUE BARGE' [meta]: few, because each costs as much as a step of the script
    // returns fence (nobody else is there)  or  1, fence, others wait, owner was not in the queue  or  0, holder, ms until the first lease ends, rank or -1, owner was not in the queue, server µs
    acquireMutex: script(guarded ? 5 : 4, ...(guarded ? [GUARD, REFUSE_IN_QUARANTINE] : []), FENCE, ACQUIRE_FREE_MUTEX, ...mutex, ACQUIRE),
    acquirePermits: script(guarded ? 5 : 4, ...(guarded ? [GUARD, REFUSE_IN_QUARANTINE] : []), ...permits, ACQUIRE),
    // KEYS lock fence queue owners  ARGV owner [keepMs]  returns 0 not held, 1 released, 2 handed off, 3 kept, 4 left the queue
    releaseMutex: script(4, RELEASE_UNWANTED_MUTEX, FENCE, ...mutex, RELEASE),
    releasePermits: script(4, ...permits, RELEASE),
    // KEYS lock fence queue owners  ARGV owner or ''  returns the number of leases that it ended
    forceReleaseMutex: script(4, FENCE, ...mutex, FORCE_RELEASE),
    forceReleasePermits: script(4, ...permits, FORCE_RELEASE),
    // per lease: KEYS lock fence queue owners (of a run: lock fence claim owners)  ARGV kind owner ttl
    // returns per lease: ms that were left or -1, holder
    renew: script(undefined, KEEP, RENEW),
    renewEach: script(4, KEEP, RENEW),
    // KEYS lease fence claim [epoch]  ARGV owner ttl keepMs onCrash  returns 1, fence  or  0, state, owner
    claim: script(guarded ? 4 : 3, ...(guarded ? [GUARD, FAIL_IN_QUARANTINE] : []), FENCE, KEEP, CLAIM),
    // KEYS lease claim  ARGV owner keepMs  returns 1 when settled
    settle: script(2, SETTLE),
    // KEYS lock fence queue owners claim  ARGV kind  returns server µs, holders and the µs at which their leases end, last fence, waiters, owners and their records, state
    inspect: script(5, INSPECT),
  };
}
