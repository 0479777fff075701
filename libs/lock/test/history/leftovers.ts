import type { Redis } from 'ioredis';

/**
 * I5: what locks have left behind in a Redis that is theirs alone, one sentence each. Fences stay on purpose, and so does the
 * mark by which a loss of data is noticed. `client` is the only one that may still be connected.
 */
export async function leftovers(client: Redis): Promise<string[]> {
  const keys = (await client.keys('*')).filter((key) => !/:(?:fence|epoch)$/.test(key));
  const channels = (await client.pubsub('CHANNELS')) as string[];
  const own = await client.client('ID');
  const clients = ((await client.client('LIST')) as string).split('\n').filter((line) => line !== '' && !line.startsWith(`id=${own} `));
  return [...keys.map((key) => `I5: key ${key}`), ...channels.map((channel) => `I5: channel ${channel}`), ...clients.map((each) => `I5: connection ${each}`)];
}
