import { extname } from 'node:path';
import type { RedisOptions } from 'ioredis';
import type { WatchdogSource } from '../driver.ts';
import { isCluster, type RedisClient } from './redis-commands.ts';

/** Given to {@link createWatchdogDriver} of redis-watchdog.ts. */
export interface WatchdogData {
  readonly connection: Omit<RedisOptions, 'replyMapping'>;
  readonly options: { readonly prefix: string; readonly fenceMemoryMs: number };
}

// What decides to which server a connection leads, and what it may do there.
const CONNECTION = [
  'host', 'port', 'path', 'family', 'username', 'password', 'db', 'tls', 'keyPrefix', 'protocol', 'connectTimeout', 'disableClientInfo',
  'sentinels', 'name', 'role', 'sentinelUsername', 'sentinelPassword', 'sentinelTLS', 'enableTLSForSentinelMode', 'natMap',
] as const satisfies readonly (keyof RedisOptions)[];

/** Undefined when a worker thread could not connect as the client does: functions, for one, cannot be given to it. */
export function watchdogSource(client: RedisClient, options: WatchdogData['options']): WatchdogSource | undefined {
  if (isCluster(client) || client.options.Connector) return undefined;
  const connection: Record<string, unknown> = {};
  for (const name of CONNECTION) {
    const value: unknown = client.options[name];
    if (!isPlain(value)) return undefined;
    if (value !== undefined && value !== null) connection[name] = value;
  }
  // Beside this file, as source or as built.
  const module = new URL(`./redis-watchdog${extname(import.meta.url)}`, import.meta.url).href;
  const data: WatchdogData = { connection, options };
  return { module, data };
}

function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return typeof value !== 'function';
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return false;
  return Object.values(value).every(isPlain);
}
