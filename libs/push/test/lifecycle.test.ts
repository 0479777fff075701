import { createPushHub } from '@staddle/push';
import { memoryBroker } from '@staddle/push/memory';
import { stressLifecycle } from '@staddle/testing';
import { describe, expect, it, vi } from 'vitest';
import { authenticate, Peer, startHub } from './peer.ts';

describe('stop', () => {
  it('closes everybody with 3001, spread over the drain time and in random order', async () => {
    const { connected, hub, clock } = await startHub({ drainMs: 1_000 });
    const clients: Peer[] = [];
    for (let n = 0; n < 100; n++) clients.push(await connected());
    const closed = (): number => clients.filter((client) => client.closedWith).length;
    const stopped = hub.stop();
    const counts: number[] = [];
    for (let step = 0; step < 20; step++) {
      await clock.advance(step === 0 ? 0 : 50);
      counts.push(closed());
    }
    expect(counts).toEqual(Array.from({ length: 20 }, (_, step) => (step + 1) * 5));
    await stopped;
    expect(new Set(clients.map((client) => client.closedWith?.code))).toEqual(new Set([3001]));
    expect(hub.stats).toEqual({ connections: 0, channels: 0, subscriptions: 0 });
  });

  it('serves the clients that were not told yet', async () => {
    const { connected, hub, clock } = await startHub({ drainMs: 100 });
    const clients = [await connected(), await connected()];
    for (const client of clients) await client.ask({ subscribe: { channel: 'news:a' } });
    const stopped = hub.stop();
    await clock.advance(0);
    const left = clients.find((client) => !client.closedWith)!;
    await hub.publish('news:a', 'still here');
    expect(left.publications).toEqual(['still here']);
    await clock.advance(50);
    await stopped;
  });

  it('closes the rest at once when its signal aborts', async () => {
    const { connected, hub, clock } = await startHub({ drainMs: 60_000 });
    const clients = [await connected(), await connected(), await connected()];
    const deadline = new AbortController();
    const stopped = hub.stop(deadline.signal);
    await clock.advance(0);
    expect(clients.filter((client) => client.closedWith)).toHaveLength(1);
    deadline.abort();
    await stopped;
    expect(clients.every((client) => client.closedWith?.code === 3001)).toBe(true);
  });

  it('takes no new client from its beginning on', async () => {
    const { connected, hub, clock } = await startHub({ drainMs: 1_000 });
    await connected();
    await connected();
    const stopped = hub.stop();
    await clock.advance(0);
    expect(hub.accepting).toBe(false);
    expect(new Peer(hub).closedWith).toEqual({ code: 3001, reason: 'shutdown' });
    await clock.advance(1_000);
    await stopped;
    expect(new Peer(hub).closedWith?.code).toBe(3001);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('start', () => {
  it('leaves nothing running when the broker cannot be reached, and may be tried again', async () => {
    const broker = memoryBroker();
    const cause = new Error('no route to host');
    const start = vi.spyOn(broker, 'start').mockRejectedValueOnce(cause);
    const stop = vi.spyOn(broker, 'stop');
    const hub = createPushHub({ broker, authenticate, authorize: () => true });
    await expect(hub.start()).rejects.toMatchObject({ code: 'ERR_PUSH_BROKER_UNAVAILABLE', retryable: true, cause });
    expect(stop).toHaveBeenCalledTimes(1);
    expect(hub.accepting).toBe(false);
    await hub.start();
    await hub.start();
    expect(start).toHaveBeenCalledTimes(2);
    expect(hub.accepting).toBe(true);
  });

  it('bears starts and stops from everywhere', async () => {
    const stressed = stressLifecycle(() => createPushHub({ broker: memoryBroker(), authenticate, authorize: () => true }));
    await expect(stressed).resolves.toBeUndefined();
  });
});

describe('churn', () => {
  it('returns to zero after clients came, subscribed, left and were closed in every order', async () => {
    // A fixed sequence, so that a failure repeats. Numerical Recipes' linear congruential generator.
    let seed = 1;
    const random = (): number => (seed = (seed * 1_664_525 + 1_013_904_223) % 2 ** 32) / 2 ** 32;
    const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
    const later = <T>(value: T): Promise<T> => new Promise((resolve) => setImmediate(resolve, value));
    const { hub, clock } = await startHub({
      random,
      authenticate: (token) => (random() < 0.5 ? authenticate(token) : later({ sub: token })),
      authorize: () => (random() < 0.5 ? true : later(random() < 0.9)),
    });
    const clients: Peer[] = [];
    for (let round = 0; round < 5_000; round++) {
      if (clients.length < 20 || random() < 0.1) {
        const client = new Peer(hub);
        client.tell({ connect: { token: 'alice' } });
        clients.push(client);
      }
      const client = pick(clients);
      const channel = `news:${Math.floor(random() * 10)}`;
      const action = random();
      if (action < 0.5) client.tell({ subscribe: { channel } });
      else if (action < 0.7) client.tell({ unsubscribe: { channel } });
      else if (action < 0.8) client.tell({ publish: { channel, data: round } });
      else if (action < 0.85) client.connection.closed();
      else if (action < 0.9) client.connection.receive('garbage');
      else await later(undefined);
      if (random() < 0.05) clients.splice(clients.indexOf(client), 1)[0]!.connection.disconnect({ code: 3503, reason: 'force disconnect' });
    }
    await later(undefined);
    expect(hub.stats.connections).toBeGreaterThan(0);
    const held = clients.filter((client) => !client.closedWith);
    for (const client of held) client.connection.closed();
    await later(undefined);
    await clock.advance(10_000);
    expect(hub.stats).toEqual({ connections: 0, channels: 0, subscriptions: 0 });
    expect(clock.pendingTimers).toBe(0);
  });
});
