// One of the processes of the raw hop: passes a token on to the next process by PUBLISH, as soon as its message comes. Prints one line of JSON.
import { Redis } from 'ioredis';

const [channel, next, isFirst, startAtText, secondsText] = process.argv.slice(2) as [string, string, string, string, string];
const endAt = Number(startAtText) + Number(secondsText) * 1_000;
const publisher = new Redis(process.env['TEST_REDIS_URL']!);
const subscriber = new Redis(process.env['TEST_REDIS_URL']!);
const now = (): number => Number(process.hrtime.bigint() / 1_000n);
const hops: number[] = [];

await subscriber.subscribe(channel);
subscriber.on('message', (_channel, sentAt) => {
  hops.push(now() - Number(sentAt));
  void publisher.publish(next, String(now()));
});
await new Promise((resolve) => setTimeout(resolve, Math.max(0, Number(startAtText) - Date.now())));
if (isFirst === 'yes') await publisher.publish(next, String(now()));
await new Promise((resolve) => setTimeout(resolve, Math.max(0, endAt - Date.now())));
await subscriber.quit();
await publisher.quit();
process.stdout.write(`${JSON.stringify({ hops })}\n`);
