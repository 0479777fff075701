import { beforeEach, describe, expect, it } from 'vitest';
import { collect, createStand, never, type Stand } from './stand.ts';

let stand: Stand;
beforeEach(() => {
  stand = createStand();
});
const down = (): Promise<never> => Promise.reject(new Error('down'));
async function* failing(): AsyncIterable<never> {
  yield await down();
}

describe('inspect', () => {
  it('shows who holds and who waits, with what they say of themselves', async () => {
    const holder = stand.process({}, { instance: 'web-1:4100' });
    const lease = await holder.acquire('job', { ttlMs: 10_000, meta: { order: '4711' } });
    const waiting = stand.process({}, { instance: 'web-2' });
    void waiting.acquire('job', { waitMs: Infinity, priority: 7, meta: { order: '4712' } });
    await stand.clock.advance(1_000);
    expect(await stand.process().inspect('job')).toEqual({
      kind: 'mutex',
      name: 'job',
      holders: [{ token: lease.token, instance: expect.stringMatching(/^web-1_4100_[0-9a-f]{12}$/), fence: lease.fence, permits: 1, expiresInMs: 9_000, meta: { order: '4711' } }],
      waiters: [{ token: expect.stringMatching(/^web-2_/), instance: expect.stringMatching(/^web-2_/), permits: 1, priority: 7, meta: { order: '4712' } }],
    });
  });

  it('gives nothing for a name that nobody has', async () => {
    expect(await stand.process().inspect('job')).toBeUndefined();
  });

  it('30: throws when the store is away, as does everything that would have to know', async () => {
    const unavailable = { code: 'ERR_LOCK_UNAVAILABLE', retryable: true };
    for (const broken of [down, never]) {
      const locks = stand.process({ inspect: broken, forceRelease: broken, acquire: broken, renew: broken, claim: broken, diagnose: down });
      const failures = [
        locks.inspect('job'),
        locks.forceRelease('job'),
        locks.tryAcquire('job'),
        locks.semaphore('job', 5).available(),
        locks.semaphore('job', 5).tryAcquire(),
        locks.readWrite('job').write.tryAcquire(),
        locks.runOnce('job', 0, async () => {}),
        locks.adopt({ kind: 'mutex', name: 'job', token: 'a.1', fence: '1', ttlMs: 1_000 }),
      ].map((asked) => expect(asked).rejects.toMatchObject(unavailable));
      await stand.clock.advance(3_500);
      await Promise.all(failures);
    }
  });
});

describe('list', () => {
  it('shows the names of a kind that begin with a prefix', async () => {
    const locks = stand.process();
    for (const name of ['invoice 1', 'invoice 2', 'order 1']) await locks.acquire(name);
    await locks.semaphore('invoice pool', 2).acquire();
    const names = async (...args: Parameters<typeof locks.list>): Promise<string[]> => (await collect(locks.list(...args))).map(({ name, holders }) => `${name} ${holders.length}`).toSorted();
    expect(await names('invoice')).toEqual(['invoice 1 1', 'invoice 2 1']);
    expect(await names('')).toEqual(['invoice 1 1', 'invoice 2 1', 'order 1 1']);
    expect(await names('invoice', { kind: 'semaphore' })).toEqual(['invoice pool 1']);
    expect(await names('nothing')).toEqual([]);
  });

  it('throws when the store is away', async () => {
    const locks = stand.process({
      list: () => failing(),
    });
    await expect(collect(locks.list('invoice'))).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE', cause: { message: 'down' } });
    await stand.process().acquire('invoice 1');
    await expect(collect(stand.process({ inspect: down }).list('invoice'))).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE', lockName: 'invoice 1' });
  });
});

describe('forceRelease', () => {
  it('ends whatever lease there is, or that of a token alone', async () => {
    const locks = stand.process();
    expect(await locks.forceRelease('job')).toBe(false);
    const lease = await locks.acquire('job');
    expect(await locks.forceRelease('job', { token: 'somebody.else' })).toBe(false);
    expect(await locks.forceRelease('job', { token: lease.token })).toBe(true);
    await expect(lease.renew()).rejects.toMatchObject({ code: 'ERR_LOCK_LOST' });
    const pool = locks.semaphore('pool', 5);
    await Promise.all([pool.acquire({ permits: 2 }), pool.acquire({ permits: 3 })]);
    expect(await locks.forceRelease('pool', { kind: 'semaphore' })).toBe(true);
    expect(await pool.available()).toBe(5);
  });

  it('tells the leases of the same object at once, also where no message could', async () => {
    const locks = stand.process({ connect: undefined as never });
    const [lease, other] = [await locks.acquire('job'), await locks.acquire('other')];
    expect(await locks.forceRelease('job')).toBe(true);
    expect([lease.isHeld, other.isHeld]).toEqual([false, true]);
    expect(lease.signal.reason).toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'forced' });
  });

  it('lets the next one in', async () => {
    await stand.process().acquire('job');
    const waiting = stand.process().acquire('job', { waitMs: Infinity });
    await stand.clock.advance(10);
    expect(await stand.process().forceRelease('job')).toBe(true);
    expect((await waiting).isHeld).toBe(true);
  });
});

it.each(['lock', 'MUTEX', null, 5])('a kind that is none is refused: %j', async (given) => {
  const kind = given as never;
  const locks = stand.process();
  const refusal = { code: 'ERR_LOCK_OPTION', field: 'kind' };
  await expect(locks.inspect('job', { kind })).rejects.toMatchObject(refusal);
  await expect(locks.forceRelease('job', { kind })).rejects.toMatchObject(refusal);
  await expect(collect(locks.list('', { kind }))).rejects.toMatchObject(refusal);
  await expect(collect(locks.list(5 as never))).rejects.toMatchObject({ code: 'ERR_LOCK_OPTION', field: 'prefix' });
});

it('diagnose gives what the driver knows of its store, and nothing when it knows nothing', async () => {
  expect(await stand.process().diagnose()).toEqual([]);
  expect(await stand.process({ diagnose: async () => ['keys may be evicted'] }).diagnose()).toEqual(['keys may be evicted']);
});
