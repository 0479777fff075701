import { waitFor } from '@staddle/testing';
import type { Centrifuge, PublicationContext, Subscription } from 'centrifuge';
import { describe, expect, it } from 'vitest';
import { serveHub } from './socket-hub.ts';

/** Subscribes and collects what arrives. */
async function listen(client: Centrifuge, channel: string): Promise<{ subscription: Subscription; data: unknown[] }> {
  const data: unknown[] = [];
  const subscription = client.newSubscription(channel);
  subscription.on('publication', (context: PublicationContext) => void data.push(context.data));
  subscription.subscribe();
  await subscription.ready();
  return { subscription, data };
}

/** Changes or drops what the client's socket sends: the SDK itself has no way to misbehave. */
function onSend(client: Centrifuge, change: (data: string) => string | undefined): void {
  const transport = Reflect.get(client, '_transport') as { send(data: string): void };
  const send = transport.send.bind(transport);
  transport.send = (data) => {
    const changed = change(data);
    if (changed !== undefined) send(changed);
  };
}

describe('the npm client "centrifuge", unmodified', () => {
  it('connects, subscribes, receives, publishes and unsubscribes', async () => {
    await using served = await serveHub();
    const client = served.client();
    const { subscription, data } = await listen(client, 'news:a');
    await served.hub.publish('news:a', { n: 1 });
    await client.publish('news:a', { n: 2, text: 'one\ntwo 🦊' });
    await waitFor(() => data.length === 2, { what: 'both publications' });
    expect(data).toEqual([{ n: 1 }, { n: 2, text: 'one\ntwo 🦊' }]);
    subscription.unsubscribe();
    await waitFor(() => served.hub.stats.subscriptions === 0, { what: 'the unsubscribe' });
    client.disconnect();
    await waitFor(() => served.hub.stats.connections === 0, { what: 'the disconnect' });
  });

  it('sends connect and all subscriptions in one frame and gets them all', async () => {
    await using served = await serveHub();
    const client = served.client();
    const listeners = await Promise.all(Array.from({ length: 128 }, (_, n) => listen(client, `news:${n}`)));
    await Promise.all(listeners.map((_, n) => served.hub.publish(`news:${n}`, n)));
    await waitFor(() => listeners.every(({ data }) => data.length === 1), { what: 'one publication per channel' });
    expect(listeners.map(({ data }) => data[0])).toEqual(listeners.map((_, n) => n));
  });

  it('fetches a fresh token after 109 and connects with it', async () => {
    await using served = await serveHub();
    let fetched = 0;
    const client = served.client({ token: 'expired', getToken: async () => `alice${fetched++}` });
    await client.ready(10_000);
    expect(fetched).toBe(1);
  });

  it('refreshes its token in time and stays connected', async () => {
    await using served = await serveHub({ expiryGraceMs: 25_000 });
    const until = (ms: number): string => `alice until ${Date.now() + ms}`;
    let fetched = 0;
    const connects: unknown[] = [];
    const client = served.client({
      token: until(1_500),
      getToken: async () => {
        fetched++;
        return until(600_000);
      },
    });
    client.on('connecting', (context) => void connects.push(context.code));
    await client.ready();
    await waitFor(() => fetched === 1, { what: 'the refresh' });
    await client.publish('news:a', 1);
    expect(connects).toEqual([]);
  });

  it('gives up a subscription that is denied with 103, and no other', async () => {
    await using served = await serveHub();
    const client = served.client();
    const denied = client.newSubscription('secret:a');
    const unsubscribed = new Promise((resolve) => void denied.on('unsubscribed', resolve));
    denied.subscribe();
    expect(await unsubscribed).toMatchObject({ code: 103, reason: 'permission denied' });
    const { data } = await listen(client, 'news:a');
    await served.hub.publish('news:a', 1);
    await waitFor(() => data.length === 1, { what: 'the publication' });
  });

  it('tries a subscription again after the temporary error 100', async () => {
    let calls = 0;
    await using served = await serveHub({ authorize: () => (calls++ === 0 ? Promise.reject(new Error('not now')) : true) });
    const client = served.client();
    const subscription = client.newSubscription('news:a', { minResubscribeDelay: 10, maxResubscribeDelay: 50 });
    subscription.subscribe();
    await subscription.ready(10_000);
    expect(calls).toBe(2);
  });

  it('answers pings and stays', async () => {
    await using served = await serveHub({ pingIntervalMs: 1_000, pongTimeoutMs: 900 });
    const client = served.client();
    const closes: number[] = [];
    client.on('connecting', (context) => void closes.push(context.code));
    await client.ready();
    let pongs = 0;
    onSend(client, (data) => {
      if (data === '{}') pongs++;
      return data;
    });
    await waitFor(() => pongs === 2, { what: 'two pongs' });
    expect(closes.filter((code) => code > 1)).toEqual([]);
    expect(served.hub.stats.connections).toBe(1);
  });

  it('is closed with 3012 when it does not pong, and comes back', async () => {
    await using served = await serveHub({ pingIntervalMs: 1_000, pongTimeoutMs: 300 });
    const client = served.client();
    await client.ready();
    const codes: number[] = [];
    client.on('connecting', (context) => void codes.push(context.code));
    onSend(client, (data) => (data === '{}' ? undefined : data));
    await waitFor(() => codes.length > 0, { what: 'the close' });
    expect(codes[0]).toBe(3012);
    await client.ready(10_000);
  });

  it('reconnects after 3001 to the restarted server and subscribes again', async () => {
    const first = await serveHub();
    const client = first.client();
    const codes: number[] = [];
    client.on('connecting', (context) => void codes.push(context.code));
    const { data } = await listen(client, 'news:a');
    await first.stop();
    await waitFor(() => codes.length > 0, { what: 'the close' });
    expect(codes[0]).toBe(3001);
    await using second = await serveHub({}, {}, first.port);
    await waitFor(() => second.hub.stats.subscriptions === 1, { what: 'the client to subscribe again' });
    await second.hub.publish('news:a', 'after the restart');
    await waitFor(() => data.length === 1, { what: 'the publication' });
    client.disconnect();
  });

  it.each([
    [3500, 'forged'],
    [3501, undefined],
  ])('stays away after the terminal close %i', async (code, token) => {
    await using served = await serveHub();
    const client = served.client(token ? { token } : {});
    const disconnected = new Promise<{ code: number }>((resolve) => void client.on('disconnected', resolve));
    if (!token) {
      await client.ready();
      onSend(client, () => 'garbage');
      await client.send({}).catch(() => {});
    }
    expect((await disconnected).code).toBe(code);
    expect(client.state).toBe('disconnected');
  });

  it('ends its subscription for good when the server withdraws the right', async () => {
    let allowed = true;
    await using served = await serveHub({ authorize: () => allowed });
    const until = (ms: number): string => `alice until ${Date.now() + ms}`;
    const client = served.client({ token: until(1_000), getToken: async () => until(600_000) });
    const { subscription } = await listen(client, 'news:a');
    const ended = new Promise((resolve) => void subscription.on('unsubscribed', resolve));
    allowed = false;
    expect(await ended).toMatchObject({ code: 2000, reason: 'server unsubscribe' });
  });
});
