import { startRedis, waitFor } from '@staddle/testing';
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { leftovers } from './leftovers.ts';

it('I5: names keys, channels and connections that are left, but not fences', async () => {
  await using server = await startRedis();
  const client = new Redis(server.url);
  const other = new Redis(server.url);
  try {
    await client.set('lock:v1:mutex:{job}:fence', '1');
    await client.set('lock:v1:epoch', '1');
    await other.subscribe('lock:v1:wake:me');
    await client.set('lock:v1:mutex:{job}', 'me.1');
    expect(await leftovers(client)).toEqual(['I5: key lock:v1:mutex:{job}', 'I5: channel lock:v1:wake:me', expect.stringMatching(/^I5: connection id=\d+ /)]);
    other.disconnect();
    await client.del('lock:v1:mutex:{job}');
    await waitFor(async () => (await leftovers(client)).length === 0, { what: 'nothing to be left' });
  } finally {
    client.disconnect();
    other.disconnect();
  }
});
