import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';

/**
 * A resource that refuses a lower fence than it has seen, on a Redis that is not the locks': what a lock is there to protect.
 * Its counter is read and written in two steps, so two who count at once lose an update.
 */
export interface FencedRegister {
  write(name: string, fence: bigint): Promise<{ readonly accepted: boolean; readonly order: number }>;
  /** Reads, lets `restMs` pass, and writes one more. */
  increment(name: string, restMs: number): Promise<void>;
  count(name: string): Promise<number>;
  close(): void;
}

// Fences are below 2^53, so Lua's numbers hold them exactly.
const WRITE = `
local order = redis.call('INCR', KEYS[2])
if tonumber(ARGV[1]) < tonumber(redis.call('GET', KEYS[1]) or '0') then return { 0, order } end
redis.call('SET', KEYS[1], ARGV[1])
return { 1, order }
`;

export function createFencedRegister(url: string, prefix: string): FencedRegister {
  const client = new Redis(url);
  return {
    async write(name, fence) {
      const [accepted, order] = (await client.eval(WRITE, 2, `${prefix}fence:${name}`, `${prefix}order`, String(fence))) as [number, number];
      return { accepted: accepted === 1, order };
    },
    async increment(name, restMs) {
      const value = Number(await client.get(`${prefix}count:${name}`));
      if (restMs > 0) await pause(restMs);
      await client.set(`${prefix}count:${name}`, value + 1);
    },
    count: async (name) => Number(await client.get(`${prefix}count:${name}`)),
    close: () => client.disconnect(),
  };
}
