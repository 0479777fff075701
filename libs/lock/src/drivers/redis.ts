import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { LockDriver } from '../driver.ts';

export interface RedisLockDriverOptions {
  /** Begins every key. Default `lock`. */
  readonly prefix?: string;
  /**
   * How long the last fence of a free lock is remembered, in ms. Default one day. After that the next fence is the
   * server's time in microseconds, which is higher unless the server's clock went back by more than this.
   */
  readonly fenceMemoryMs?: number;
}

const ACQUIRE = script(`
-- KEYS lock, fence  ARGV owner, ttlMs, fenceMemoryMs   returns {1, fence} or {0, pttl of the holder}
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return {0, redis.call('PTTL', KEYS[1])} end
if holder then
  local fence = redis.call('GET', KEYS[2])
  if fence then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
    return {1, fence}
  end
end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
local fence = string.format('%.0f', now > last and now or last + 1)
redis.call('SET', KEYS[2], fence, 'PX', ARGV[3])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {1, fence}`);

const RENEW = script(`
-- KEYS lock, fence  ARGV owner, ttlMs, fenceMemoryMs
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`);

const RELEASE = script(`
-- KEYS lock  ARGV owner
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`);

/**
 * Locks on one Redis server (or one slot of a cluster). Expiry and fences use the server's clock.
 * Fence: `max(last + 1, TIME in µs)`, so it also increases after FLUSHALL and after a restart with an empty data set.
 */
export function redisLockDriver(client: Redis, { prefix = 'lock', fenceMemoryMs = 86_400_000 }: RedisLockDriverOptions = {}): LockDriver {
  const keysOf = (key: string): [string, string] => {
    // The braces put both keys in one cluster slot; a brace in the name itself would end the tag early.
    const lock = `${prefix}:{${key.replaceAll(/[%{}]/g, encodeURIComponent)}}`;
    return [lock, `${lock}:fence`];
  };

  const run = async (lua: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> => {
    try {
      return await client.evalsha(lua.sha, keys.length, ...keys, ...args);
    } catch (error) {
      // A restarted or flushed server has forgotten the script; nothing was executed.
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return client.eval(lua.text, keys.length, ...keys, ...args);
    }
  };

  return {
    name: 'redis',
    async acquire(key, owner, ttlMs) {
      const [granted, value] = (await run(ACQUIRE, keysOf(key), [owner, ttlMs, Math.max(fenceMemoryMs, ttlMs)])) as [number, number | string];
      return granted === 1 ? { acquired: true, fence: BigInt(value) } : { acquired: false, expiresInMs: Math.max(0, Number(value)) };
    },
    async renew(key, owner, ttlMs) {
      return (await run(RENEW, keysOf(key), [owner, ttlMs, Math.max(fenceMemoryMs, ttlMs)])) === 1;
    },
    async release(key, owner) {
      return (await run(RELEASE, keysOf(key).slice(0, 1), [owner])) === 1;
    },
  };
}

interface Script {
  readonly text: string;
  readonly sha: string;
}

function script(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}
