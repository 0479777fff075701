import { FENCE, GUARD, KEEP, KEEP_MS, LOCK, MUTEX, PERMITS, QUEUE } from './redis-lua.ts';

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

const ACQUIRE = `
local owner = ARGV[1]
local weight, capacity, priority, waits, barges = string.match(ARGV[4], '^(%d+) (%d+) (%-?%d+) (%a+) (%a+)$')
local it = { fence = '0', ttl = ARGV[2], weight = weight, capacity = capacity, reserve = ARGV[3], priority = priority, meta = ARGV[5] or '' }
waits, barges = waits == 'true', barges == 'true'

if holds(owner) then
  local fence = again(owner, it)
  finish()
  return { 1, fence, 0 }
end

local rank = redis.call('ZRANK', queue, owner)
local fence, _, mute
if (barges or not front) and fits(it) then
  if rank then leave(owner) end
  fence = serve(owner, it)
else
  if waits and not rank then
    local score = now - it.priority * 1e12
    -- A newcomer stays behind those of its priority also when the clock was set back.
    local last = redis.call('ZREVRANGEBYSCORE', queue, score + 5e11, score, 'WITHSCORES', 'LIMIT', 0, 1)
    redis.call('ZADD', queue, last[2] and last[2] + 1 or score, owner)
    write(owner, it)
    front = redis.call('ZRANGE', queue, 0, 0)[1]
  end
  fence, _, mute = pass(owner)
  if rank and not waits and not fence then
    leave(owner)
    redis.call('HDEL', owners, owner)
    pass()
  end
  if not fence and (mute or not front) and fits(it) then
    if waits then leave(owner) end
    fence = serve(owner, it)
  end
end
finish(owner)

if fence then return { 1, fence, rank and 0 or 1 } end
local left = leftMs()
if waits then
  keep(queue, left + ${KEEP_MS})
  keep(owners, left + ${KEEP_MS})
end
return { 0, holder() or false, left, waits and redis.call('ZRANK', queue, owner) or -1, rank and 0 or 1, now }`;

const RELEASE = `
local owner, keepMs = ARGV[1], ARGV[2]
if holds(owner) then
  if keepMs then
    local it = record(owner)
    take(owner)
    it.ttl, it.meta = keepMs, ''
    give('=' .. owner, it)
    announce()
    return 3
  end
  take(owner)
  local _, served = pass()
  finish()
  return served > 0 and 2 or 1
end
if not redis.call('ZRANK', queue, owner) then
  if holds('=' .. owner) then return 3 end
  finish() -- Of a lease that has run out, its record may be left.
  return 0
end
leave(owner)
redis.call('HDEL', owners, owner)
pass()
finish()
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
  finish()
end
return ended`;

const CURRENT = `
local current = redis.call('GET', KEYS[1])`;

// A free mutex that nobody waits for, in as few steps as can be: nearly every mutex is.
const ACQUIRE_FREE_MUTEX = `
if not ARGV[5] and redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2], 'NX') then
  if redis.call('EXISTS', KEYS[3]) == 0 then return nextFence(KEYS[2], redis.call('TIME'), ARGV[2], ARGV[3]) end
  redis.call('DEL', KEYS[1])
end`;

const RELEASE_UNWANTED_MUTEX = `
if current == ARGV[1] and not ARGV[2] and redis.call('EXISTS', KEYS[3]) == 0 then
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
  local lock, fence, queueOrClaim, owners = KEYS[4 * i + 1], KEYS[4 * i + 2], KEYS[4 * i + 3], KEYS[4 * i + 4]
  local kind, owner, ttl = ARGV[3 * i + 1], ARGV[3 * i + 2], tonumber(ARGV[3 * i + 3])
  local left, holder = -1, false
  if kind == 'permits' then
    local ends = redis.call('ZSCORE', lock, owner)
    if ends and tonumber(ends) > now then
      left = math.floor((ends - now) / 1000)
    else
      holder = redis.call('ZRANGEBYSCORE', lock, string.format('(%.0f', now), '+inf', 'LIMIT', 0, 1)[1] or false
    end
  else
    holder = redis.call('GET', lock)
    if holder == owner then left = redis.call('PTTL', lock) end
  end
  if left >= 0 then
    redis.call('PEXPIRE', fence, math.max(ttl, FENCE_MEMORY_MS))
    if kind == 'permits' then
      redis.call('ZADD', lock, now + ttl * 1000, owner)
      keep(lock, ttl)
    else
      redis.call('PEXPIRE', lock, ttl)
    end
    if kind == 'run' then
      keep(queueOrClaim, math.max(ttl, tonumber(redis.call('HGET', queueOrClaim, 'keepMs') or 0)))
    elseif redis.call('EXISTS', queueOrClaim, owners) > 0 then
      keep(queueOrClaim, ttl + ${KEEP_MS})
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
fence = fence or nextFence(KEYS[2], redis.call('TIME'), ttl, '0')
redis.call('HSET', KEYS[3], 'state', 'running', 'owner', owner, 'keepMs', keepMs)
keep(KEYS[3], math.max(ttl, keepMs))
return { 1, fence }`;

const SETTLE = `
local owner = ARGV[1]
if redis.call('HGET', KEYS[2], 'owner') ~= owner then return 0 end
if redis.call('GET', KEYS[1]) == owner then redis.call('DEL', KEYS[1]) end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
redis.call('HSET', KEYS[2], 'state', 'done')
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
    // returns fence (nobody else is there)  or  1, fence, owner was not in the queue  or  0, holder, ms until the first lease ends, rank or -1, owner was not in the queue, server µs
    acquireMutex: script(guarded ? 5 : 4, ...(guarded ? [GUARD, REFUSE_IN_QUARANTINE] : []), FENCE, ACQUIRE_FREE_MUTEX, CURRENT, ...mutex, ACQUIRE),
    acquirePermits: script(guarded ? 5 : 4, ...(guarded ? [GUARD, REFUSE_IN_QUARANTINE] : []), ...permits, ACQUIRE),
    // KEYS lock fence queue owners  ARGV owner [keepMs]  returns 0 not held, 1 released, 2 handed off, 3 kept, 4 left the queue
    releaseMutex: script(4, CURRENT, RELEASE_UNWANTED_MUTEX, FENCE, ...mutex, RELEASE),
    releasePermits: script(4, ...permits, RELEASE),
    // KEYS lock fence queue owners  ARGV owner or ''  returns the number of leases that it ended
    forceReleaseMutex: script(4, CURRENT, FENCE, ...mutex, FORCE_RELEASE),
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
