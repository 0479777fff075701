import { Redis } from 'ioredis';
import { createFaultProxy, startRedis } from '@staddle/testing';

await using server = await startRedis();
await using proxy = await createFaultProxy({ target: server.url });
const client = new Redis(proxy.url(), { retryStrategy: () => 20 });
client.on('error', (error: NodeJS.ErrnoException) => console.log(`lost: ${error.code}`));

await client.set('greeting', 'hello');
proxy.cut();
client.once('close', () => proxy.restore());
console.log(await client.get('greeting'));
client.disconnect();
