import { redisBroker, redisClientOptions } from '@staddle/push/redis';
import { describeBroker } from '@staddle/push/testing';
import { testRedis } from '@staddle/testing';
import type { Broker } from '@staddle/push';

// Once per protocol: on RESP3 publications are pushes, on RESP2 they come between replies.
for (const protocol of [2, 3] as const) {
  describeBroker(`redis (RESP${protocol})`, async () => {
    const redis = await testRedis();
    const options = { ...redisClientOptions, protocol };
    const node = (): Broker => redisBroker({ publisher: redis.client(options), subscriber: redis.client(options), prefix: redis.prefix });
    return { nodes: [node(), node()], close: () => redis.close() };
  });
}
