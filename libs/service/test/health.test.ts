import { createTestClock, recordingLogger, waitFor } from '@staddle/testing';
import { expect, it } from 'vitest';

import { as, build, call, serve } from './serve.ts';

it('is alive, started and ready when nothing is wrong', async () => {
  const service = await serve({ checks: { database: async () => {}, redis: async () => {} } });
  expect(await call(service, '/livez')).toMatchObject({ status: 200, body: { status: 'alive' } });
  expect(await call(service, '/startupz')).toMatchObject({ status: 200, body: { status: 'started' } });
  expect(await call(service, '/readyz')).toMatchObject({ status: 200, body: { status: 'ready' } });
  expect(await call(service, '/readyz?verbose')).toMatchObject({ status: 200, body: { status: 'ready', checks: { database: 'ok', redis: 'ok' } } });
  expect((await call(service, '/readyz', { method: 'HEAD' })).status).toBe(200);
});

it('is degraded while a check fails, alive all the time, and logs only the changes', async () => {
  const clock = createTestClock();
  const logger = recordingLogger();
  let away = false;
  const service = await serve({ clock, logger, checks: { database: async () => { if (away) throw new Error('10.0.0.7 is away'); } } });
  await call(service, '/readyz');
  away = true;
  expect((await call(service, '/readyz')).status).toBe(200); // Remembered for a second.
  for (let round = 0; round < 3; round++) {
    await clock.advance(1_000);
    const { status, body } = await call(service, '/readyz?verbose');
    expect({ status, body }).toEqual({ status: 503, body: { status: 'degraded', checks: { database: 'failed' } } });
  }
  expect((await call(service, '/livez')).status).toBe(200);
  away = false;
  await clock.advance(1_000);
  expect((await call(service, '/readyz')).status).toBe(200);
  const said = logger.lines.filter(({ fields }) => fields.check === 'database').map(({ level, message }) => `${level} ${message}`);
  expect(said).toEqual(['warn readiness check database: failed', 'info readiness check database: ok again']);
});

it('asks once, however many probes come at a time', async () => {
  let asked = 0;
  const answer = Promise.withResolvers<void>();
  const service = await serve({ checks: { database: () => (asked++, answer.promise) } });
  const probes = Array.from({ length: 10 }, () => call(service, '/readyz'));
  await waitFor(() => asked > 0, { what: 'the check to be asked' });
  answer.resolve();
  for (const { status } of await Promise.all(probes)) expect(status).toBe(200);
  expect(asked).toBe(1);
});

it('gives a check its time and then aborts it, and does not start it again while it hangs', async () => {
  const clock = createTestClock();
  const signals: AbortSignal[] = [];
  const hanging = Promise.withResolvers<void>();
  const service = await serve({ clock, checkTimeoutMs: 500, checks: { slow: (signal) => (signals.push(signal), hanging.promise), quick: async () => {} } });
  const probe = call(service, '/readyz?verbose');
  await waitFor(() => signals.length === 1, { what: 'the check to be asked' });
  await clock.advance(500);
  expect((await probe).body).toEqual({ status: 'degraded', checks: { slow: 'timeout', quick: 'ok' } });
  expect(signals[0]!.aborted).toBe(true);
  await clock.advance(1_000);
  expect((await call(service, '/readyz?verbose')).body).toEqual({ status: 'degraded', checks: { slow: 'timeout', quick: 'ok' } });
  expect(signals).toHaveLength(1);
  hanging.resolve();
  await clock.advance(1_000);
  expect((await call(service, '/readyz')).status).toBe(200);
  expect(signals).toHaveLength(2);
});

it('answers probes, and 503 to all else, until every component has started', async () => {
  const starting = Promise.withResolvers<void>();
  const service = await build({
    components: [{ name: 'slow', start: () => starting.promise, stop: async () => {} }],
    routes: (app) => {
      app.get('/work', { config: { public: true } }, () => 'done');
      app.get('/private', () => 'done');
    },
  });
  await service.start();
  expect((await call(service, '/livez')).status).toBe(200);
  expect((await call(service, '/private')).status).toBe(503);
  expect((await call(service, '/openapi.json', { headers: await as('alice') })).status).toBe(200);
  expect(await call(service, '/startupz')).toMatchObject({ status: 503, body: { status: 'starting' } });
  expect(await call(service, '/readyz')).toMatchObject({ status: 503, body: { status: 'starting' } });
  const early = await call(service, '/work');
  expect(early).toMatchObject({ status: 503, body: { code: 'ERR_SERVICE_NOT_READY', detail: 'the service is still starting' } });
  expect(early.headers.get('retry-after')).toBe('1');
  expect((await call(service, '/nowhere')).status).toBe(404);
  starting.resolve();
  await service.ready;
  expect(await call(service, '/work')).toMatchObject({ status: 200, body: 'done' });
  expect((await call(service, '/readyz')).status).toBe(200);
});
