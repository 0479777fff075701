import { sleep } from '@staddle/kernel';
import { expect, it } from 'vitest';
import { createStand, never } from './stand.ts';

it('a downgrade whose answer comes after the end of the lease tells of the loss, and leaves no reader behind', async () => {
  const stand = createStand();
  let isSlow = false;
  const locks = stand.process({
    async acquire(request) {
      const outcome = await stand.driver.acquire(request);
      if (isSlow) await sleep(900, { clock: stand.clock });
      return outcome;
    },
    renew: never,
  });
  const { write, downgrade } = locks.readWrite('table');
  const lease = await write.acquire({ ttlMs: 1_000 });
  await stand.clock.advance(100);
  isSlow = true;
  const failure = expect(downgrade(lease)).rejects.toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'unreachable' });
  await stand.clock.advance(950);
  await failure;
  expect(await locks.inspect('table', { kind: 'read-write' })).toBeUndefined();
});
