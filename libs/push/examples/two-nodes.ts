import { createPushHub, type PushHub } from '@staddle/push';
import { redisBroker, redisClientOptions } from '@staddle/push/redis';
import { Redis } from 'ioredis';

const url = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379';
const clients: Redis[] = [];
const open = (): Redis => clients[clients.push(new Redis(url, redisClientOptions)) - 1]!;

function node(): PushHub {
  const broker = redisBroker({ publisher: open(), subscriber: open(), prefix: 'example:' });
  return createPushHub({ broker, authenticate: async (token) => ({ sub: token }), authorize: () => true });
}

const [one, two] = [node(), node()];
await Promise.all([one.start(), two.start()]);

// A client of the second node; a transport such as serveWebSocket usually makes this call.
const received = Promise.withResolvers<string>();
const subscribed = Promise.withResolvers<void>();
const connection = two.connect({
  bufferedAmount: 0,
  send: (frame) => (frame.includes('"push"') ? received.resolve(String(frame)) : frame.includes('"subscribe"') && subscribed.resolve()),
  close: () => {},
});
connection.receive('{"id":1,"connect":{"token":"alice"}}\n{"id":2,"subscribe":{"channel":"news:a"}}');
await subscribed.promise;

await one.publish('news:a', 'from the first node');
console.log(await received.promise); // {"push":{"channel":"news:a","pub":{"data":"from the first node"}}}
await Promise.all([one.stop(), two.stop()]);
for (const client of clients) client.disconnect();
