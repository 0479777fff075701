import { createHash } from 'node:crypto';
import type { ChainableCommander, Cluster, Redis } from 'ioredis';
import { scriptTexts, type ScriptName, type ScriptSettings, type ScriptText } from './redis-scripts.ts';

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

type Arguments = readonly (string | number)[];

export type Scripts = Readonly<Record<ScriptName, (...args: Arguments) => Promise<unknown>>> & {
  /** A script as the next command of a pipeline. */
  pipelined(pipeline: ChainableCommander, name: ScriptName, ...args: Arguments): ChainableCommander;
};

/**
 * Makes the scripts commands of the client. ioredis sends the text once per connection and its hash from then on, and the text
 * again when the server has forgotten it. Their names end with a hash of the text, so that neither other versions or settings
 * of this library on the same client nor the user's own commands can be meant by them.
 */
export function defineScripts(client: RedisClient, settings: ScriptSettings): Scripts {
  const scripts: Partial<Record<ScriptName, (...args: Arguments) => Promise<unknown>>> = {};
  const commands = {} as Record<ScriptName, string>;
  for (const [name, script] of Object.entries(scriptTexts(settings)) as [ScriptName, ScriptText][]) {
    const command = `staddleLock_${name}_${createHash('sha256').update(script.lua).digest('hex').slice(0, 12)}`;
    if (!(command in client)) client.defineCommand(command, script);
    commands[name] = command;
    scripts[name] = (client as unknown as Record<string, (...args: Arguments) => Promise<unknown>>)[command]!.bind(client);
  }
  const pipelined: Scripts['pipelined'] = (pipeline, name, ...args) =>
    (pipeline as unknown as Record<string, (...args: Arguments) => ChainableCommander>)[commands[name]]!(...args);
  return { ...(scripts as Record<ScriptName, (...args: Arguments) => Promise<unknown>>), pipelined };
}
