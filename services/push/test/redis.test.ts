import { createFaultProxy, testRedis, waitFor } from '@staddle/testing';
import { describe, expect, it } from 'vitest';
import { mustListen, run } from './running.ts';

// The services' prefix is fixed, and other tests use the same server: channels are made unique instead.
const channel = `runs:test-${process.pid}-${Date.now()}`;

describe('with Redis', () => {
  it('two services serve one set of channels', async () => {
    const settings = { STADDLE_REDIS__URL: process.env.TEST_REDIS_URL! };
    await using one = await run({ settings });
    await using two = await run({ settings });
    const { data } = await mustListen(await two.client({ roles: ['viewer'] }), channel);
    expect((await one.post({ channel, data: 'from one' })).status).toBe(200);
    await two.service.publish(channel, 'from two');
    await waitFor(() => data.length === 2, { what: 'both publications' });
    expect(data).toEqual(['from one', 'from two']);
  });

  it('takes over the settings of a client that it is given, and leaves that client open', async () => {
    await using redis = await testRedis();
    const client = redis.client();
    {
      await using running = await run({ clients: { redis: client } });
      const { data } = await mustListen(await running.client({ roles: ['viewer'] }), channel);
      await running.service.publish(channel, 1);
      await waitFor(() => data.length === 1, { what: 'the publication' });
    }
    expect(await client.ping()).toBe('PONG');
  });

  it('stops while Redis is away, whether it ever came or not', async () => {
    await using proxy = await createFaultProxy({ target: process.env.TEST_REDIS_URL! });
    const stoppedWithoutRedis = async (seen: boolean): Promise<void> => {
      if (!seen) proxy.cut();
      const running = await run({ settings: { STADDLE_REDIS__URL: proxy.url() } }, { ready: seen });
      proxy.cut();
      const attempts = (): number => running.logger.lines.filter(({ message }) => message === 'redis connection failed').length;
      // Between two attempts, where a client spends nearly all of its time.
      await waitFor(() => attempts() > 3, { what: 'a few attempts to connect' });
      await expect(running.service.stop()).resolves.toBeUndefined();
      await running[Symbol.asyncDispose]();
      proxy.restore();
    };
    await stoppedWithoutRedis(false);
    await stoppedWithoutRedis(true);
  });

  it('is not ready before Redis is there, keeps its clients when it goes, and recovers without a restart', async () => {
    await using proxy = await createFaultProxy({ target: process.env.TEST_REDIS_URL! });
    proxy.cut();
    await using running = await run({ settings: { STADDLE_REDIS__URL: proxy.url() } }, { ready: false });
    const readiness = async (): Promise<number> => (await fetch(`${running.service.url}/readyz`)).status;
    await waitFor(() => running.logger.lines.some(({ message }) => message.includes('push-hub cannot start yet')), { what: 'the first attempt' });
    expect(await readiness()).toBe(503);
    expect(await running.post({ channel, data: 1 })).toMatchObject({ status: 503, body: { code: 'ERR_SERVICE_NOT_READY' } });

    proxy.restore();
    await running.service.ready;
    await waitFor(async () => (await readiness()) === 200, { what: 'readiness' });
    const client = await running.client({ roles: ['viewer'] });
    const { data } = await mustListen(client, channel);

    proxy.cut();
    await waitFor(async () => (await readiness()) === 503, { what: 'the loss of readiness' });
    const refused = await running.post({ channel, data: 'lost' });
    expect(refused).toMatchObject({ status: 503, body: { code: 'ERR_PUSH_BROKER_UNAVAILABLE' } });
    expect(refused.headers.get('retry-after')).not.toBeNull();
    expect(client.state).toBe('connected');

    proxy.restore();
    await waitFor(async () => (await running.post({ channel, data: 'back' })).status === 200, { what: 'the first publication' });
    await waitFor(async () => (await readiness()) === 200, { what: 'readiness' });
    await running.post({ channel, data: 'end' });
    await waitFor(() => data.at(-1) === 'end', { what: 'the last publication' });
    expect(data).not.toContain('lost');
  });
});
