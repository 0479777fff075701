import { once } from 'node:events';
import { createFaultProxy, createTestClock, testDatabase, waitFor } from '@staddle/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { headerOf, LONG_URL, run, type RawAnswer } from './running.ts';

describe('without its database', () => {
  it('is not ready before it is there, answers 503 when it goes, and recovers without a restart', async () => {
    const fresh = await testDatabase('mysql');
    onTestFinished(() => fresh.close());
    const proxy = await createFaultProxy({ target: fresh.url });
    onTestFinished(() => proxy.close());
    proxy.cut();
    const { call, create, visit, visitsOf, service, logger } = await run({ settings: { STADDLE_DATABASE__URL: proxy.url() } }, { ready: false });
    const readiness = async (): Promise<number> => (await visit('/readyz')).status;
    await waitFor(() => logger.lines.some(({ message }) => message.includes('database cannot start yet')), { what: 'the first attempt' });
    expect(await readiness()).toBe(503);
    expect((await visit('/livez')).status).toBe(200);
    const early = await visit('/sale');
    expect([early.status, headerOf(early, 'retry-after')]).toEqual([503, '1']);

    proxy.restore();
    await service.ready;
    await waitFor(async () => (await readiness()) === 200, { what: 'readiness' });
    const { uid } = await create({ slug: 'sale' });
    expect((await visit('/sale')).status).toBe(302);
    expect(await visitsOf(uid, 1)).toBe(1);

    proxy.cut();
    for (const path of ['/sale', '/nothing']) {
      const answer = await visit(path);
      expect([answer.status, headerOf(answer, 'retry-after'), headerOf(answer, 'cache-control')]).toEqual([503, '1', 'no-store']);
      expect(JSON.parse(answer.body)).toMatchObject({ code: 'ERR_DATABASE_UNAVAILABLE' });
      expect(answer.body).not.toContain('127.0.0.1');
    }
    expect(await call('/v1/links', { body: { longUrl: LONG_URL } })).toMatchObject({ status: 503, body: { code: 'ERR_DATABASE_UNAVAILABLE' } });
    // Never asked for: what cannot be a slug has no link, whatever the database says.
    expect((await visit('/robots.txt')).status).toBe(404);
    await waitFor(async () => (await readiness()) === 503, { what: 'the loss of readiness' });

    proxy.restore();
    await waitFor(async () => (await visit('/sale')).status === 302, { what: 'the redirect to come back' });
    await waitFor(async () => (await readiness()) === 200, { what: 'readiness' });
    expect(await visitsOf(uid, 2)).toBe(2);
    expect(logger.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describe('with a database that has fallen silent', () => {
  it('keeps no visitor longer than ten seconds, and forgets no visit', async () => {
    const fresh = await testDatabase('mysql');
    onTestFinished(() => fresh.close());
    const proxy = await createFaultProxy({ target: fresh.url });
    onTestFinished(() => proxy.close());
    const clock = createTestClock(Date.now());
    const { create, visit, service } = await run({ clock, settings: { STADDLE_DATABASE__URL: proxy.url() } });
    await create({ slug: 'sale' });
    await visit('/sale');
    proxy.blackhole();

    let answer: RawAnswer | undefined;
    void visit('/sale').then((value) => (answer = value));
    await once(service.app.server, 'request');
    for (let seconds = 0; seconds < 10; seconds++) await clock.advance(1_000);
    const { status, headers } = await waitFor(() => answer, { what: 'an answer' });
    expect([status, headers.find(([name]) => name === 'retry-after')]).toEqual([503, ['retry-after', '1']]);

    proxy.restore();
    await service.stop();
    const counts = fresh.open().query<{ shortlink_count: { visits: number } }>().selectFrom('shortlink_count').select('visits');
    expect(await counts.execute()).toEqual([{ visits: 1 }]);
  });
});

describe('a stop', () => {
  it('writes the last visits, and leaves a database that it was given open', async () => {
    const fresh = await testDatabase('sqlite');
    onTestFinished(() => fresh.close());
    const database = fresh.open();
    const { create, visit, service } = await run({ clients: { database } });
    const { uid } = await create({ slug: 'sale' });
    for (let count = 0; count < 5; count++) await visit('/sale');
    await service.stop();
    const counts = database.query<{ shortlink_count: { visits: number } }>().selectFrom('shortlink_count').select('visits');
    expect(await counts.execute()).toEqual([{ visits: 5 }]);
    expect(uid).toBeDefined();
  });
});
