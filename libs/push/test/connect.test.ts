import { describe, expect, it } from 'vitest';
import { errorCode, settled, startHub } from './peer.ts';

describe('connect', () => {
  it('answers a good token with the client id and the ping interval', async () => {
    const { peer } = await startHub();
    const client = peer();
    const [reply] = await client.ask({ connect: { token: 'alice', name: 'js', unknown: 'field of a newer SDK' } });
    expect(reply).toEqual({ id: 1, connect: { client: client.connection.id, ping: 25, pong: true } });
  });

  it('says when the token ends, in whole seconds and at least one', async () => {
    const { peer, clock } = await startHub();
    const ends = [300, 60_001, 2 ** 53];
    const replies = await Promise.all(ends.map((ms) => peer().ask({ connect: { token: `alice until ${clock.now() + ms}` } })));
    expect(replies.map(([reply]) => reply?.connect)).toMatchObject([{ ttl: 1 }, { ttl: 61 }, { ttl: 2 ** 31 - 1 }].map((ttl) => ({ expires: true, ...ttl })));
  });

  it('keeps commands that arrive while the token is verified, and answers them in order', async () => {
    const verified = Promise.withResolvers<{ sub: string }>();
    const { peer } = await startHub({ authenticate: () => verified.promise });
    const client = peer();
    client.tell({ connect: { token: 't' } }, { subscribe: { channel: 'news:a' } });
    client.tell({ subscribe: { channel: 'news:b' } }, { unsubscribe: { channel: 'news:b' } });
    await settled();
    expect(client.frames).toEqual([]);
    verified.resolve({ sub: 'alice' });
    await settled();
    expect(client.lines.map(({ id }) => id)).toEqual([1, 2, 3, 4]);
  });

  it('closes a forged token with 3500 and answers nothing', async () => {
    const { peer, hub } = await startHub();
    const client = peer();
    await client.ask({ connect: { token: 'forged' } }, { subscribe: { channel: 'news:a' } });
    expect(client.closedWith).toEqual({ code: 3500, reason: 'invalid token' });
    expect(client.frames).toEqual([]);
    expect(hub.stats.connections).toBe(0);
  });

  it.each([{}, { token: '' }, { token: 42 }, { token: null }])('closes connect with %j with 3500', async (params) => {
    const { peer } = await startHub();
    const client = peer();
    await client.ask({ connect: params });
    expect(client.closedWith?.code).toBe(3500);
  });

  it('answers an expired token with 109, drops what came along, and takes a fresh token on the same connection', async () => {
    const { peer } = await startHub();
    const client = peer();
    const [refused, dropped] = await client.ask({ connect: { token: 'expired' } }, { subscribe: { channel: 'news:a' } });
    expect(refused?.error).toEqual({ code: 109, message: 'token expired' });
    expect(dropped).toBeUndefined();
    expect(client.closedWith).toBeUndefined();
    const [reply] = await client.ask({ connect: { token: 'alice' } });
    expect(reply).toHaveProperty('connect.client');
  });

  it('answers a token that a lenient authenticator took after its end with 109', async () => {
    const { peer, clock } = await startHub();
    const [reply] = await peer().ask({ connect: { token: `alice until ${clock.now()}` } });
    expect(errorCode(reply)).toBe(109);
  });

  it('asks the client to come again when the token cannot be verified now, and logs why', async () => {
    const { peer, logger } = await startHub();
    const [reply] = await peer().ask({ connect: { token: 'broken' } });
    expect(reply?.error).toEqual({ code: 100, message: 'internal server error', temporary: true });
    expect(logger.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  it('never writes a token into a log line', async () => {
    const { connected, logger } = await startHub({ authenticate: async (token) => ({ sub: String(token.length) }) });
    const client = await connected('token-one');
    await client.ask({ refresh: { token: 'token-two' } });
    client.connection.closed();
    expect(logger.lines.length).toBeGreaterThan(0);
    expect(JSON.stringify(logger.lines)).not.toContain('token-');
  });

  it('answers with the temporary error 100 when verifying takes longer than a command may, and ignores the late result', async () => {
    const verified = Promise.withResolvers<{ sub: string }>();
    const { peer, clock } = await startHub({ authenticate: () => verified.promise });
    const client = peer();
    client.tell({ connect: { token: 't' } });
    await clock.advance(4_000);
    expect(errorCode(client.lines[0])).toBe(100);
    verified.resolve({ sub: 'alice' });
    await settled();
    expect(client.lines).toHaveLength(1);
    await client.ask({ subscribe: { channel: 'news:a' } });
    expect(client.closedWith?.code).toBe(3501);
  });

  it('closes with 3501 a client whose first command is not connect', async () => {
    const { peer } = await startHub();
    for (const command of [{ subscribe: { channel: 'news:a' } }, { publish: { channel: 'news:a', data: 1 } }, { refresh: { token: 'alice' } }, { rpc: {} }]) {
      const client = peer();
      await client.ask(command);
      expect(client.closedWith?.code).toBe(3501);
    }
  });

  it('closes a second connect with 3501', async () => {
    const { connected } = await startHub();
    const client = await connected();
    await client.ask({ connect: { token: 'alice' } });
    expect(client.closedWith?.code).toBe(3501);
  });

  it('closes with 3502 a client that does not connect in 10 s, also one that only pongs', async () => {
    const { peer, clock } = await startHub();
    const client = peer();
    client.connection.receive('{}');
    await clock.advance(9_999);
    expect(client.closedWith).toBeUndefined();
    await clock.advance(1);
    expect(client.closedWith).toEqual({ code: 3502, reason: 'stale' });
  });

  it('forgets a client that left while its token was verified', async () => {
    const verified = Promise.withResolvers<{ sub: string }>();
    const { peer, hub, clock } = await startHub({ authenticate: () => verified.promise });
    const client = peer();
    client.tell({ connect: { token: 't' } }, { subscribe: { channel: 'news:a' } });
    client.connection.closed();
    verified.resolve({ sub: 'alice' });
    await settled();
    expect(client.frames).toEqual([]);
    expect(hub.stats).toEqual({ connections: 0, channels: 0, subscriptions: 0 });
    // The deadline of the command that was under way when the client left.
    await clock.advance(4_000);
    expect(clock.pendingTimers).toBe(0);
  });
});
