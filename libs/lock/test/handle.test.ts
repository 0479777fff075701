import { sleep } from '@staddle/kernel';
import { beforeEach, describe, expect, it } from 'vitest';
import { createStand, never, type Stand } from './stand.ts';

let stand: Stand;
beforeEach(() => {
  stand = createStand();
});

describe('a handle', () => {
  it('is plain JSON, and lets another process renew and release', async () => {
    const lease = await stand.process().acquire('job', { ttlMs: 3_000, renew: false });
    const handle = lease.export();
    expect(handle).toEqual({ kind: 'mutex', name: 'job', token: lease.token, fence: String(lease.fence), ttlMs: 3_000 });
    expect(JSON.parse(JSON.stringify(handle))).toEqual(handle);
    const adopted = await stand.process().adopt(handle, { maxHoldMs: 60_000 });
    expect(adopted).toMatchObject({ name: 'job', fence: lease.fence, isHeld: true });
    await stand.clock.advance(10_000);
    expect(adopted.isHeld).toBe(true);
    // Nobody renewed it here.
    expect(lease.isHeld).toBe(false);
    expect(await adopted.release()).toBe('released');
  });

  it('may be adopted where it came from, and then either lease hears of its end', async () => {
    const locks = stand.process();
    const lease = await locks.acquire('job');
    const adopted = await locks.adopt(lease.export());
    // It listens from its first wait on.
    await stand.process().acquire('other');
    const waiting = expect(locks.acquire('other', { waitMs: 100 })).rejects.toMatchObject({ code: 'ERR_LOCK_TIMEOUT' });
    await stand.clock.advance(100);
    await waiting;
    await stand.process().forceRelease('job');
    await stand.clock.advance(0);
    for (const each of [lease, adopted]) expect(each.signal.reason).toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'forced' });
  });

  it('gives no lease when the answer takes longer than that lasts', async () => {
    const lease = await stand.process().acquire('job', { ttlMs: 500 });
    const slow = stand.process({
      async renew(requests) {
        const outcomes = await stand.driver.renew(requests);
        await sleep(600, { clock: stand.clock });
        return outcomes;
      },
    });
    const failure = expect(slow.adopt(lease.export())).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE', cause: { message: expect.stringContaining('500 ms') } });
    await stand.clock.advance(1_000);
    await failure;
  });

  it('carries every kind of lock', async () => {
    const [ours, theirs] = [stand.process(), stand.process()];
    for (const lease of [await ours.readWrite('table').read.acquire(), await ours.semaphore('pool', 3).acquire({ permits: 2 })]) {
      const adopted = await theirs.adopt(lease.export());
      await stand.clock.advance(60_000);
      expect(adopted.isHeld).toBe(true);
      expect(await adopted.release()).toBe('released');
    }
    expect(await ours.semaphore('pool', 3).available()).toBe(3);
  });

  it('lets neither process count on more than the store gives, whoever renews last', async () => {
    let isDown = false;
    const mortal = { renew: (requests: Parameters<typeof stand.driver.renew>[0]) => (isDown ? never() : stand.driver.renew(requests)) };
    const locks = stand.process(mortal);
    const long = await locks.acquire('job', { ttlMs: 60_000 });
    const short = locks.acquire('job', { ttlMs: 1_000 });
    await long.release();
    const lease = await short;
    const adopted = await stand.process(mortal).adopt(lease.export());
    // Both stop to renew: what they count on must end before the lease in the store.
    isDown = true;
    while (lease.isHeld || adopted.isHeld) {
      expect((await stand.process().inspect('job'))?.holders).toMatchObject([{ token: lease.token }]);
      await stand.clock.advance(50);
    }
    await stand.clock.advance(60_000);
    expect(await stand.process().inspect('job')).toBeUndefined();
  });

  it.each([
    [{ kind: 'lock' }, 'handle.kind'],
    [{ name: '' }, 'handle.name'],
    [{ token: undefined }, 'handle.token'],
    // With which stores mark the former owner of a kept lock.
    [{ token: '=a.b' }, 'handle.token'],
    [{ token: 'ab' }, 'handle.token'],
    [{ fence: '1.5' }, 'handle.fence'],
    [{ fence: 5 }, 'handle.fence'],
    [{ ttlMs: 0 }, 'handle.ttlMs'],
  ])('that is not one is refused: %o', async (changes, field) => {
    const lease = await stand.process().acquire('job');
    const handle = { ...lease.export(), ...changes } as ReturnType<typeof lease.export>;
    await expect(stand.process().adopt(handle)).rejects.toMatchObject({ code: 'ERR_LOCK_OPTION', field });
  });

  it('is given only by a lease of one name that is held', async () => {
    const locks = stand.process();
    const several = await locks.acquire(['a', 'b']);
    expect(() => several.export()).toThrow(expect.objectContaining({ code: 'ERR_LOCK_OPTION' }));
    await several.release();
    expect(() => several.export()).toThrow(expect.objectContaining({ code: 'ERR_LOCK_OPTION' }));
    const lease = await locks.acquire('job');
    await lease.release();
    expect(() => lease.export()).toThrow(expect.objectContaining({ code: 'ERR_LOCK_LOST', reason: 'released' }));
  });
});
