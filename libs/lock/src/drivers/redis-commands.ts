import { createHash } from 'node:crypto';
import type { ChainableCommander, Cluster, Redis } from 'ioredis';
import { scriptTexts, type ScriptName, type ScriptSettings } from './redis-scripts.ts';

export type RedisClient = Redis | Cluster;

export function isCluster(client: RedisClient): client is Cluster {
  return 'nodes' in client;
}

/** The servers that hold the keys. */
export async function masters(client: RedisClient): Promise<readonly Redis[]> {
  if (!isCluster(client)) return [client];
  await client.ping(); // Before it has answered a first command, the client does not know its nodes.
  return client.nodes('master');
}

export interface Commands {
  run(name: ScriptName, ...args: readonly (string | number)[]): Promise<unknown>;
  /** The same as part of a pipeline. */
  add(pipeline: ChainableCommander, name: ScriptName, ...args: readonly (string | number)[]): ChainableCommander;
}

/**
 * Makes the scripts commands of the client. ioredis sends the text once per connection and its hash from then on, and the text
 * again when the server has forgotten it. The names end with a hash of the text, so that neither other versions or settings
 * of this library on the same client nor the user's own commands can be meant by them.
 */
export function defineScripts(client: RedisClient, settings: ScriptSettings): Commands {
  const names = {} as Record<ScriptName, string>;
  for (const [name, script] of Object.entries(scriptTexts(settings)) as [ScriptName, { lua: string; numberOfKeys?: number }][]) {
    const command = `staddleLock_${name}_${createHash('sha256').update(script.lua).digest('hex').slice(0, 12)}`;
    if (!(command in client)) client.defineCommand(command, script);
    names[name] = command;
  }
  type Method = (...args: readonly (string | number)[]) => unknown;
  const call = (target: object, name: ScriptName, args: readonly (string | number)[]): unknown => (target as Record<string, Method>)[names[name]]!(...args);
  return {
    run: (name, ...args) => call(client, name, args) as Promise<unknown>,
    add: (pipeline, name, ...args) => call(pipeline, name, args) as ChainableCommander,
  };
}
