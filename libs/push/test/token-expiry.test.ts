import { describe, expect, it } from 'vitest';
import { settled, startHub } from './peer.ts';

const MINUTE = 60_000;

describe('token expiry', () => {
  it('closes with 3005 after the grace time when no refresh comes', async () => {
    const { connected, clock } = await startHub({ pingIntervalMs: 3_600_000 });
    const client = await connected(`alice until ${clock.now() + MINUTE}`);
    await clock.advance(MINUTE + 24_999);
    expect(client.closedWith).toBeUndefined();
    await clock.advance(1);
    expect(client.closedWith).toEqual({ code: 3005, reason: 'connection expired' });
  });

  it('stays when a refresh command brings a fresh token', async () => {
    const { connected, clock } = await startHub({ pingIntervalMs: 3_600_000 });
    const client = await connected(`alice until ${clock.now() + MINUTE}`);
    await clock.advance(MINUTE);
    const [reply] = await client.ask({ refresh: { token: `alice until ${clock.now() + MINUTE}` } });
    expect(reply).toEqual({ id: 2, refresh: { client: client.connection.id, expires: true, ttl: 60 } });
    await clock.advance(MINUTE + 24_999);
    expect(client.closedWith).toBeUndefined();
    await clock.advance(1);
    expect(client.closedWith?.code).toBe(3005);
  });

  it('stays for good when the fresh token has no end', async () => {
    const { connected, clock } = await startHub({ pingIntervalMs: 36_000_000 });
    const client = await connected(`alice until ${clock.now() + MINUTE}`);
    const [reply] = await client.ask({ refresh: { token: 'alice' } });
    expect(reply?.refresh).toEqual({ client: client.connection.id });
    await clock.advance(10 * MINUTE);
    expect(client.closedWith).toBeUndefined();
  });

  it.each([
    ['expired', 3005],
    ['forged', 3500],
    ['bob', 3500],
    ['', 3500],
  ])('closes a refresh with the token %j with %i', async (token, code) => {
    const { connected } = await startHub();
    const client = await connected();
    await client.ask({ refresh: { token } });
    expect(client.closedWith?.code).toBe(code);
  });

  it('keeps the old token when the fresh one cannot be verified now', async () => {
    const { connected } = await startHub();
    const client = await connected();
    const [reply] = await client.ask({ refresh: { token: 'broken' } });
    expect(reply?.error).toMatchObject({ code: 100, temporary: true });
    const [subscribed] = await client.ask({ subscribe: { channel: 'news:a' } });
    expect(subscribed).toHaveProperty('subscribe');
  });

  it('follows the wall clock when it is set back', async () => {
    const { connected, clock } = await startHub({ pingIntervalMs: 3_600_000 });
    const client = await connected(`alice until ${clock.now() + MINUTE}`);
    clock.setWall(clock.now() - 10 * MINUTE);
    await clock.advance(2 * MINUTE);
    expect(client.closedWith).toBeUndefined();
    await clock.advance(10 * MINUTE);
    expect(client.closedWith?.code).toBe(3005);
  });

  it('ends the subscriptions that the fresh token does not allow any more, and keeps the others', async () => {
    const { connected, hub } = await startHub({
      authenticate: async (token) => ({ sub: 'alice', expiresAt: undefined, token }),
      authorize: (identity, channel) => channel === 'news:open' || (identity as unknown as { token: string }).token === 'admin',
    });
    const client = await connected('admin');
    await client.ask({ subscribe: { channel: 'news:open' } }, { subscribe: { channel: 'news:closed' } });
    await client.ask({ refresh: { token: 'viewer' } });
    expect(client.lines).toContainEqual({ push: { channel: 'news:closed', unsubscribe: { code: 2000, reason: 'server unsubscribe' } } });
    await hub.publish('news:closed', 'no');
    await hub.publish('news:open', 'yes');
    await settled();
    expect(client.publications).toEqual(['yes']);
    expect(hub.stats.subscriptions).toBe(1);
  });
});
