import { describe, expect, it } from 'vitest';
import { settled, startHub } from './peer.ts';

const pings = (lines: object[]): number => lines.filter((line) => Object.keys(line).length === 0).length;

describe('ping and pong', () => {
  it('pings first after half to a whole interval, then once per interval', async () => {
    for (const [random, firstMs] of [[0, 12_500], [0.5, 18_750], [0.999, 24_987.5]] as const) {
      const { connected, clock } = await startHub({ random: () => random });
      const client = await connected();
      await clock.advance(firstMs - 1);
      expect(pings(client.lines)).toBe(0);
      await clock.advance(1);
      expect(pings(client.lines)).toBe(1);
      client.connection.receive('{}');
      await clock.advance(24_999);
      expect(pings(client.lines)).toBe(1);
      await clock.advance(1);
      expect(pings(client.lines)).toBe(2);
    }
  });

  it('closes with 3012 a client that does not pong within 8 s', async () => {
    const { connected, clock, hub } = await startHub({ random: () => 0 });
    const client = await connected();
    await clock.advance(12_500 + 7_999);
    expect(client.closedWith).toBeUndefined();
    await clock.advance(1);
    expect(client.closedWith).toEqual({ code: 3012, reason: 'no pong' });
    expect(hub.stats.connections).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it('does not take commands for a pong', async () => {
    const { connected, clock } = await startHub({ random: () => 0 });
    const client = await connected();
    await clock.advance(12_500);
    await client.ask({ unsubscribe: { channel: 'news:a' } });
    await clock.advance(8_000);
    expect(client.closedWith?.code).toBe(3012);
  });

  it('takes a pong that nobody asked for', async () => {
    const { connected } = await startHub();
    const client = await connected();
    client.connection.receive('{}');
    client.connection.receive('{}\n{}');
    await settled();
    expect(client.closedWith).toBeUndefined();
  });

  it('does not depend on the wall clock', async () => {
    const { connected, clock } = await startHub({ random: () => 0 });
    const client = await connected();
    clock.setWall(clock.now() + 3_600_000);
    await clock.advance(12_499);
    expect(pings(client.lines)).toBe(0);
    await clock.advance(1);
    expect(pings(client.lines)).toBe(1);
  });
});

describe('a slow client', () => {
  it('is closed with 3008 when its unsent bytes pass the bound, and the others are served', async () => {
    const { connected, hub } = await startHub();
    const [slow, quick] = [await connected(), await connected()];
    for (const client of [slow, quick]) await client.ask({ subscribe: { channel: 'news:a' } });
    slow.bufferedAmount = 1024 * 1024 - 10;
    await hub.publish('news:a', 'x');
    expect(slow.closedWith).toEqual({ code: 3008, reason: 'slow' });
    expect(slow.publications).toEqual([]);
    expect(quick.publications).toEqual(['x']);
    expect(hub.stats).toEqual({ connections: 1, channels: 1, subscriptions: 1 });
  });

  it('is closed by a ping or a reply as well, and leaves no timer', async () => {
    const { connected, clock, hub } = await startHub();
    const [byPing, byReply] = [await connected(), await connected()];
    byReply.bufferedAmount = byPing.bufferedAmount = 1024 * 1024;
    await byReply.ask({ subscribe: { channel: 'news:a' } });
    expect(byReply.closedWith?.code).toBe(3008);
    await clock.advance(25_000);
    expect(byPing.closedWith?.code).toBe(3008);
    expect(hub.stats).toEqual({ connections: 0, channels: 0, subscriptions: 0 });
    expect(clock.pendingTimers).toBe(0);
  });
});
