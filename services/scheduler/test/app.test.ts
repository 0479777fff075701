import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createMetrics } from '@staddle/logging';
import { DIALECTS, waitFor } from '@staddle/testing';
import { describe, expect, it } from 'vitest';
import { listen, run, type Caller } from './running.ts';

const NOW = { kind: 'after', delay: 0 } as const;
const MINUTELY = { kind: 'cron', expr: '* * * * *', tz: 'UTC' } as const;
const INSTANT = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string;

describe.each(DIALECTS)('the API on %s', (dialect) => {
  it('creates a task, runs it, and shows both', async () => {
    const { call, runIn } = await run({ dialect });
    const order = {
      module: 'orders',
      handler: 'log',
      title: 'Check payment',
      description: 'Looks whether order 42 was paid',
      userName: 'alice',
      trigger: { kind: 'after', delay: 'PT0.1S' },
      payload: { message: 'is order 42 paid?' },
      bizKey: 'order-42',
      reason: 'ordered',
    };
    const { status, headers, body: task } = await call('/v1/tasks', { body: order });
    expect(status).toBe(201);
    expect(headers.get('location')).toBe(`/v1/tasks/${task.uid}`);
    expect(headers.get('etag')).toBe('"1"');
    expect(task).toEqual({
      ...order,
      uid: expect.any(String),
      trigger: { v: 1, kind: 'date', at: INSTANT },
      state: 'ACTIVE',
      flags: [],
      version: 1,
      nextRunAt: task.trigger.at,
      runCount: 0,
      createdAt: INSTANT,
      updatedAt: INSTANT,
    });

    const done = await runIn(task.uid, 'SUCCEEDED');
    expect(done).toEqual({
      uid: expect.any(String),
      taskUid: task.uid,
      module: 'orders',
      handler: 'log',
      kind: 'SCHEDULED',
      state: 'SUCCEEDED',
      flags: [],
      scheduledAt: task.nextRunAt,
      attempt: 1,
      claims: 1,
      owner: expect.any(String),
      payload: order.payload,
      createdAt: INSTANT,
      startedAt: INSTANT,
      finishedAt: INSTANT,
    });
    expect((await call(`/v1/tasks/${task.uid}`)).body).toMatchObject({ state: 'FINISHED', version: 2, runCount: 1, lastScheduledAt: task.nextRunAt });
    expect((await call('/v1/tasks?module=orders&state=FINISHED')).body.items).toHaveLength(1);
    expect((await call('/v1/tasks?module=other')).body).toEqual({ items: [] });
  });

  it('pauses, resumes, runs by hand and deletes', async () => {
    const { call, create, runIn } = await run({ dialect });
    const { uid } = await create({ trigger: MINUTELY });
    const paused = await call(`/v1/tasks/${uid}/pause`, { body: { reason: 'deploy' }, headers: { 'if-match': '"1"' } });
    expect([paused.status, paused.headers.get('etag')]).toEqual([200, '"2"']);
    expect(paused.body).toMatchObject({ state: 'PAUSED', reason: 'deploy' });
    expect(paused.body.nextRunAt).toBeUndefined();
    const manual = await call(`/v1/tasks/${uid}/run`, { method: 'POST' });
    expect(manual.status).toBe(202);
    expect(manual.body).toMatchObject({ kind: 'MANUAL', state: 'READY', taskUid: uid });
    expect(await runIn(uid, 'SUCCEEDED')).toMatchObject({ uid: manual.body.uid });
    const resumed = await call(`/v1/tasks/${uid}/resume`, { method: 'POST', headers: { 'x-reason': 'deployed' } });
    expect(resumed.body).toMatchObject({ state: 'ACTIVE', reason: 'deployed', nextRunAt: INSTANT });
    // What curl and most clients send: UTF-8, which HTTP libraries hand on as Latin-1.
    const deleted = await call(`/v1/tasks/${uid}`, { method: 'DELETE', headers: { 'x-reason': Buffer.from('Zürich 没有了').toString('latin1') } });
    expect(deleted.body).toMatchObject({ state: 'DELETED', reason: 'Zürich 没有了' });
    expect((await call(`/v1/tasks/${uid}`, { method: 'DELETE' })).body).toEqual(deleted.body);
    expect((await call('/v1/tasks')).body.items).toEqual([]);
  });

  it('pages through tasks and runs', async () => {
    const { call, create } = await run({ dialect, settings: { STADDLE_SCHEDULER__WORKERS: '0' } });
    const uids: string[] = [];
    for (let n = 0; n < 3; n++) uids.unshift((await create({})).uid!);
    const first = (await call('/v1/tasks?limit=2')).body;
    const second = (await call(`/v1/tasks?limit=2&cursor=${first.nextCursor}`)).body;
    expect([...first.items, ...second.items].map(({ uid }: { uid: string }) => uid)).toEqual(uids);
    expect(second.nextCursor).toBeUndefined();
    for (let n = 0; n < 3; n++) await call(`/v1/tasks/${uids[0]}/run`, { method: 'POST' });
    const runs = (await call(`/v1/tasks/${uids[0]}/runs?limit=2`)).body;
    expect(runs.items).toHaveLength(2);
    expect((await call(`/v1/tasks/${uids[0]}/runs?limit=2&cursor=${runs.nextCursor}`)).body.items).toHaveLength(1);
  });

  it('publishes each change of a run', async () => {
    const published: [string, Record<string, unknown>][] = [];
    const { create, runIn } = await run({ dialect, clients: { publish: async (channel, data) => void published.push([channel, data as Record<string, unknown>]) } });
    const { uid } = await create({ trigger: NOW });
    const done = await runIn(uid, 'SUCCEEDED');
    await waitFor(() => published.length === 4, { what: 'the changes to be published' });
    expect(published.map(([channel, data]) => [channel, data.state])).toEqual(['READY', 'CLAIMED', 'RUNNING', 'SUCCEEDED'].map((state) => ['runs:demo', state]));
    expect(published[0]![1]).toMatchObject({ runUid: done.uid, taskUid: uid, module: 'demo', handler: 'log', scheduledAt: done.scheduledAt, at: INSTANT });
  });
});

describe('triggers', () => {
  it.each([
    { kind: 'calendar', every: 'P1M', anchor: '2026-01-31T09:00:00', tz: 'Europe/Paris', clamp: 'skip', dst: { gap: 'shift' } },
    { kind: 'or', of: [MINUTELY, { kind: 'interval', every: 'PT1H' }], startAt: '2099-01-01T00:00:00Z', endAt: '2100-01-01T00:00:00Z', maxRuns: 5, exclude: [{ ...MINUTELY, expr: '0 12 * * *' }] },
    { kind: 'and', of: [MINUTELY, { ...MINUTELY, expr: '30 9 * * *' }], threshold: 'PT1S', jitter: 'PT30S', seed: 'x' },
    { kind: 'cron', expr: '0 H 9 L * ? 2026-2099', tz: 'Asia/Shanghai', dst: { overlap: 'both' } },
  ])('of kind $kind are accepted with all that they may have', async (trigger) => {
    const { call } = await run();
    const { status, body: task } = await call('/v1/tasks', { body: { module: 'demo', handler: 'log', payload: { message: 'x' }, trigger } });
    expect(task).toMatchObject({ trigger: { v: 1, kind: trigger.kind }, nextRunAt: INSTANT });
    expect(status).toBe(201);
  });

  it('are described once in the OpenAPI document, and refer to themselves', async () => {
    const { call } = await run();
    const { body } = await call('/openapi.json');
    const schema = { $ref: '#/components/schemas/TriggerInput' };
    expect(body.paths['/v1/tasks'].post.requestBody.content['application/json'].schema.properties.trigger).toEqual(schema);
    const either = body.components.schemas.TriggerInput.oneOf.find(({ properties }: { properties: { kind: { const: string } } }) => properties.kind.const === 'or');
    expect(either.properties.of.items).toEqual(schema);
  });
});

describe('bad input', () => {
  const task = { module: 'demo', handler: 'log', trigger: MINUTELY, payload: { message: 'x' } };
  it.each([
    ['an unknown key', { ...task, colour: 'red' }, 'ERR_SERVICE_VALIDATION', 'colour'],
    ['a missing module', { ...task, module: undefined }, 'ERR_SERVICE_VALIDATION', 'module'],
    ['a module that is no name', { ...task, module: 'a:b' }, 'ERR_DISPATCH_TASK', 'module'],
    ['a handler that does not exist', { ...task, handler: 'mail' }, 'ERR_DISPATCH_HANDLER', 'handler'],
    ['a missing trigger', { ...task, trigger: undefined }, 'ERR_SERVICE_VALIDATION', 'trigger'],
    ['an unknown kind of trigger', { ...task, trigger: { kind: 'moon' } }, 'ERR_SERVICE_VALIDATION', 'trigger.kind'],
    ['an unknown key of the trigger', { ...task, trigger: { ...MINUTELY, colour: 5 } }, 'ERR_SERVICE_VALIDATION', 'trigger.colour'],
    ['an unknown key of a trigger in a trigger', { ...task, trigger: { kind: 'or', of: [MINUTELY, { ...MINUTELY, colour: 5 }] } }, 'ERR_SERVICE_VALIDATION', 'trigger.of.1.colour'],
    ['a fixed delay', { ...task, trigger: { kind: 'interval', every: 'PT1M', mode: 'delay' } }, 'ERR_SERVICE_VALIDATION', 'trigger.mode'],
    ['a cron expression outside the grammar', { ...task, trigger: { ...MINUTELY, expr: '61 * * * *' } }, 'ERR_DISPATCH_TRIGGER', 'trigger.expr'],
    ['a cron expression that never comes', { ...task, trigger: { ...MINUTELY, expr: '0 0 30 2 *' } }, 'ERR_DISPATCH_TRIGGER', 'trigger.expr'],
    ['an unknown time zone', { ...task, trigger: { ...MINUTELY, tz: 'Mars/Base' } }, 'ERR_DISPATCH_TRIGGER', 'trigger.tz'],
    ['a delay that is none', { ...task, trigger: { kind: 'after', delay: 'soon' } }, 'ERR_DISPATCH_TRIGGER', 'trigger.delay'],
    ['a date of last year', { ...task, trigger: { kind: 'date', at: '2020-01-01T00:00:00Z' } }, 'ERR_DISPATCH_TRIGGER_EXHAUSTED', 'trigger'],
    ['a payload that the handler refuses', { ...task, payload: { message: 'x', level: 'loud' } }, 'ERR_DISPATCH_PAYLOAD', 'payload.level'],
    ['an unknown key of the payload', { ...task, payload: { message: 'x', colour: 'red' } }, 'ERR_DISPATCH_PAYLOAD', 'payload.colour'],
    ['a missing payload', { ...task, payload: undefined }, 'ERR_SERVICE_VALIDATION', 'payload'],
    ['a payload that is no object', { ...task, payload: null }, 'ERR_DISPATCH_PAYLOAD', 'payload'],
    ['a push without channel', { ...task, handler: 'push', payload: { data: 1 } }, 'ERR_DISPATCH_PAYLOAD', 'payload.channel'],
    ['an http call without a URL', { ...task, handler: 'http', payload: {} }, 'ERR_DISPATCH_PAYLOAD', 'payload.url'],
    ['a javascript: URL', { ...task, handler: 'http', payload: { url: 'javascript:alert(1)' } }, 'ERR_DISPATCH_PAYLOAD', 'payload.url'],
    ['a host that is not allowed', { ...task, handler: 'http', payload: { url: 'http://169.254.169.254/' } }, 'ERR_DISPATCH_PAYLOAD', 'payload.url'],
    ['a body for GET', { ...task, handler: 'http', payload: { url: 'http://localhost/', body: 'x' } }, 'ERR_DISPATCH_PAYLOAD', 'payload.body'],
    ['a forged header', { ...task, handler: 'http', payload: { url: 'http://localhost/', headers: { 'x-a': 'a\r\nb: c' } } }, 'ERR_DISPATCH_PAYLOAD', 'payload.headers.x-a'],
    ['a Host header', { ...task, handler: 'http', payload: { url: 'http://localhost/', headers: { Host: 'inside' } } }, 'ERR_DISPATCH_PAYLOAD', 'payload.headers.Host'],
    ['a deadline of a day', { ...task, handler: 'http', payload: { url: 'http://localhost/', deadline: 'P1D' } }, 'ERR_DISPATCH_PAYLOAD', 'payload.deadline'],
  ])('%s is refused with code and field', async (_what, body, code, field) => {
    const { call } = await run();
    const answer = await call('/v1/tasks', { body });
    expect(answer.body).toMatchObject({ code, field, status: answer.status });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
  });

  it('names the rule that a header of an http call breaks', async () => {
    const { call } = await run();
    const detailOf = async (name: string): Promise<string> => (await call('/v1/tasks', { body: { ...task, handler: 'http', payload: { url: 'http://localhost/', headers: { [name]: 'x' } } } })).body.detail;
    expect(await detailOf('Host')).toBe('payload.headers.Host is set by the scheduler');
    expect(await detailOf('a b')).toBe('payload.headers.a b is not a header name');
  });

  it('to other routes is refused as well', async () => {
    const { call, create } = await run();
    const { uid } = await create({ bizKey: 'one' });
    const answers = [
      await call('/v1/tasks', { body: { ...task, bizKey: 'one' } }),
      await call('/v1/tasks/nobody'),
      await call('/v1/tasks/nobody/runs'),
      await call(`/v1/tasks/${uid}/pause`, { method: 'POST', headers: { 'if-match': '"7"' } }),
      await call(`/v1/tasks/${uid}/pause`, { method: 'POST', headers: { 'if-match': 'W/"1"' } }),
      await call(`/v1/tasks/${uid}/pause`, { body: { why: 'because' } }),
      await call('/v1/tasks?limit=0'),
      await call('/v1/tasks?cursor=nobody'),
      await call('/v1/tasks?state=SLEEPING'),
      await call(`/v1/tasks/${uid}/explode`, { method: 'POST' }),
      await call('/v1/tasks', { body: '{' }),
      await call('/v1/tasks', { body: { ...task, description: 'x'.repeat(1_100_000) } }),
    ];
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual([
      [409, 'ERR_DISPATCH_CONFLICT'],
      [404, 'ERR_DISPATCH_TASK_NOT_FOUND'],
      [404, 'ERR_DISPATCH_TASK_NOT_FOUND'],
      [412, 'ERR_DISPATCH_VERSION'],
      [412, 'ERR_DISPATCH_VERSION'],
      [expect.any(Number), 'ERR_SERVICE_VALIDATION'],
      [expect.any(Number), 'ERR_SERVICE_VALIDATION'],
      [400, 'ERR_DISPATCH_QUERY'],
      [expect.any(Number), 'ERR_SERVICE_VALIDATION'],
      [404, expect.any(String)],
      [400, expect.any(String)],
      [413, expect.any(String)],
    ]);
    await call(`/v1/tasks/${uid}`, { method: 'DELETE' });
    expect((await call(`/v1/tasks/${uid}/resume`, { method: 'POST' })).body).toMatchObject({ status: 409, code: 'ERR_DISPATCH_STATE' });
  });
});

describe('permissions', () => {
  const verbs: [string, (uid: string) => { path: string; method?: string; body?: unknown }][] = [
    ['read', () => ({ path: '/v1/tasks' })],
    ['read one', (uid) => ({ path: `/v1/tasks/${uid}` })],
    ['read runs', (uid) => ({ path: `/v1/tasks/${uid}/runs` })],
    ['create', () => ({ path: '/v1/tasks', body: { module: 'demo', handler: 'log', trigger: MINUTELY, payload: { message: 'x' } } })],
    ['pause', (uid) => ({ path: `/v1/tasks/${uid}/pause`, method: 'POST' })],
    ['resume', (uid) => ({ path: `/v1/tasks/${uid}/resume`, method: 'POST' })],
    ['run', (uid) => ({ path: `/v1/tasks/${uid}/run`, method: 'POST' })],
    ['delete', (uid) => ({ path: `/v1/tasks/${uid}`, method: 'DELETE' })],
  ];
  const reading = ['read', 'read one', 'read runs'];
  it.each([
    ['an admin', { roles: ['admin'] }, verbs.map(([name]) => name)],
    ['a service', { roles: ['service'] }, verbs.map(([name]) => name)],
    ['an operator', { roles: ['operator'] }, [...reading, 'pause', 'resume', 'run']],
    ['a viewer', { roles: ['viewer'] }, reading],
    ['a user without a role', {}, []],
    ['a user of an unknown role', { roles: ['root'] }, []],
    ['an admin of some tenant', { roles: ['admin'], tenant: 'acme' }, []],
  ] as [string, Caller, string[]][])('let %s do what the role says', async (_who, as, allowed) => {
    const { call, create } = await run({ settings: { STADDLE_SCHEDULER__WORKERS: '0' } });
    const { uid } = await create({});
    const refused: string[] = [];
    for (const [name, request] of verbs) {
      const { path, ...options } = request(uid!);
      const { status } = await call(path, { ...options, as });
      expect([200, 201, 202, 403]).toContain(status);
      if (status === 403) refused.push(name);
    }
    expect(refused).toEqual(verbs.map(([name]) => name).filter((name) => !allowed.includes(name)));
  });

  it('let nobody in without a token', async () => {
    const { call } = await run();
    for (const [, request] of verbs) {
      const { path, ...options } = request('some-task');
      expect((await call(path, { ...options, as: 'nobody' })).body).toMatchObject({ status: 401, code: 'ERR_SERVICE_AUTH_MISSING' });
    }
  });
});

describe('the http handler', () => {
  it('sends what the task says, with the run as idempotency key', async () => {
    const target = await listen((_request, response) => response.writeHead(201).end('made'));
    const { create, runIn } = await run();
    const { uid } = await create({
      handler: 'http',
      trigger: NOW,
      payload: { method: 'POST', url: `${target.url}/hook?a=1`, headers: { 'X-Kind': 'test' }, body: { order: 42 } },
    });
    const done = await runIn(uid, 'SUCCEEDED');
    expect(done.result).toEqual({ status: 201, body: 'made', truncated: false });
    expect(target.requests).toMatchObject([
      { method: 'POST', path: '/hook?a=1', body: '{"order":42}', headers: { 'x-kind': 'test', 'content-type': 'application/json', 'idempotency-key': done.uid } },
    ]);
  });

  it.each([
    ['a 500', 500, 'sorry', { code: 'ERR_SCHEDULER_HTTP_STATUS', message: expect.stringMatching(/^GET http:\/\/127\.0\.0\.1:\d+\/x answered 500: sorry$/) }],
    ['a redirect', 302, '', { code: 'ERR_SCHEDULER_HTTP_STATUS', message: expect.stringContaining('redirects are not followed') }],
  ])('fails the run for %s', async (_what, status, text, error) => {
    const target = await listen((_request, response) => response.writeHead(status, { location: '/elsewhere' }).end(text));
    const { create, runIn } = await run();
    const { uid } = await create({ handler: 'http', trigger: NOW, payload: { url: `${target.url}/x?token=secret` } });
    expect((await runIn(uid, 'FAILED')).error).toEqual(error);
    expect(target.requests).toHaveLength(1);
  });

  it('fails the run at the deadline, whether the head or the body is late', async () => {
    const target = await listen((request, response) => {
      if (request.url === '/body') response.writeHead(200).write('half');
    });
    const { create, runIn } = await run();
    for (const path of ['head', 'body']) {
      const { uid } = await create({ handler: 'http', trigger: NOW, payload: { url: `${target.url}/${path}`, deadline: '100ms' } });
      expect((await runIn(uid, 'FAILED')).error).toMatchObject({ code: 'ERR_SCHEDULER_HTTP_DEADLINE', message: expect.stringContaining('within 100 ms') });
    }
  });

  it.each([
    ['a long answer', 'x'],
    ['a long answer of bytes that cost JSON the most', '\0'],
  ])('keeps the beginning of %s', async (_what, byte) => {
    const target = await listen((_request, response) => response.end(byte.repeat(1_000_000)));
    const { create, runIn } = await run();
    const { uid } = await create({ handler: 'http', trigger: NOW, payload: { url: target.url } });
    expect((await runIn(uid, 'SUCCEEDED')).result).toEqual({ status: 200, body: byte.repeat(10_240), truncated: true });
  });

  it('fails the run when nobody listens', async () => {
    const target = await listen(() => {});
    const { create, runIn } = await run();
    const { uid } = await create({ handler: 'http', trigger: NOW, payload: { url: 'http://127.0.0.1:1/' } });
    expect((await runIn(uid, 'FAILED')).error).toMatchObject({ code: expect.stringMatching(/^(ECONNREFUSED|UND_ERR_SOCKET)$/) });
    expect(target.requests).toEqual([]);
  });

  it('may call loopback in standalone mode', async () => {
    const target = await listen((_request, response) => response.end('here'));
    const { call, dataDir } = await run({ settings: { STADDLE_AUTH__SECRET: undefined, STADDLE_SCHEDULER__HTTP__ALLOWED_HOSTS: undefined } });
    const token = (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim();
    const { status, body } = await call('/v1/tasks', { token, body: { module: 'demo', handler: 'http', trigger: NOW, payload: { url: target.url.replace('127.0.0.1', 'localhost') } } });
    expect(status).toBe(201);
    await waitFor(async () => (await call(`/v1/tasks/${body.uid}/runs`, { token })).body.items[0]?.state === 'SUCCEEDED', { what: 'the run' });
    expect(target.requests).toHaveLength(1);
  });

  it('may call nothing when a secret is configured and no list', async () => {
    const { call } = await run({ settings: { STADDLE_SCHEDULER__HTTP__ALLOWED_HOSTS: undefined } });
    const { body } = await call('/v1/tasks', { body: { module: 'demo', handler: 'http', trigger: NOW, payload: { url: 'http://localhost/' } } });
    expect(body).toMatchObject({ status: 422, code: 'ERR_DISPATCH_PAYLOAD', field: 'payload.url' });
  });

  it('refuses at the time of the call a name that leads inside', async () => {
    const target = await listen((_request, response) => response.end('inside'));
    const { create, runIn } = await run({ settings: { STADDLE_SCHEDULER__HTTP__ALLOWED_HOSTS: '*' } });
    const { uid } = await create({ handler: 'http', trigger: NOW, payload: { url: `http://localhost:${target.port}/` } });
    expect((await runIn(uid, 'FAILED')).error).toMatchObject({ code: 'ERR_SCHEDULER_HTTP_TARGET', message: expect.stringContaining('127.0.0.1') });
    expect(target.requests).toEqual([]);
  });
});

describe('the push handler', () => {
  it('publishes to the channel', async () => {
    const published: unknown[] = [];
    const { create, runIn } = await run({ clients: { publish: async (channel, data) => void (channel === 'news:all' && published.push(data)) } });
    const { uid } = await create({ handler: 'push', trigger: NOW, payload: { channel: 'news:all', data: { n: 1 } } });
    await runIn(uid, 'SUCCEEDED');
    expect(published).toEqual([{ n: 1 }]);
  });

  it('calls the push service with a token of its own', async () => {
    const push = await listen((request, response) => response.writeHead(request.headers.authorization?.startsWith('Bearer ey') ? 200 : 401).end('{"result":{}}'));
    const { create, runIn } = await run({ clients: {}, settings: { STADDLE_SCHEDULER__PUSH_URL: push.url } });
    const { uid } = await create({ handler: 'push', trigger: NOW, payload: { channel: 'news:all', data: { n: 1 } } });
    await runIn(uid, 'SUCCEEDED');
    await waitFor(() => push.requests.length === 5, { what: 'the publication and four changes' });
    expect(push.requests.every(({ method, path }) => method === 'POST' && path === '/api/publish')).toBe(true);
    expect(push.requests.map(({ body }) => (JSON.parse(body) as { channel: string }).channel).toSorted()).toEqual(['news:all', ...Array.from({ length: 4 }, () => 'runs:demo')]);
  });

  it('fails its run when the push service is absent; other runs are not concerned', async () => {
    const { create, runIn, logger } = await run({ clients: {}, settings: { STADDLE_SCHEDULER__PUSH_URL: 'http://127.0.0.1:1' } });
    const pushing = await create({ handler: 'push', trigger: NOW, payload: { channel: 'news:all', data: 1 } });
    expect((await runIn(pushing.uid, 'FAILED')).error).toMatchObject({ code: 'ERR_SCHEDULER_PUSH' });
    for (let n = 0; n < 3; n++) await runIn((await create({ trigger: NOW })).uid, 'SUCCEEDED');
    expect(logger.lines.filter(({ message }) => message === 'run changes do not reach the push service; runs go on')).toHaveLength(1);
  });
});

describe('the log handler', () => {
  it('writes one line with the fields of the task', async () => {
    const { create, runIn, logger } = await run();
    const { uid } = await create({ trigger: NOW, payload: { message: 'good morning', level: 'warn', fields: { n: 1 } } });
    await runIn(uid, 'SUCCEEDED');
    expect(logger.lines.filter(({ message }) => message === 'good morning')).toEqual([{ level: 'warn', message: 'good morning', fields: { fields: { n: 1 } } }]);
  });
});

it('counts occurrences and runs', async () => {
  const metrics = createMetrics();
  const { create, runIn } = await run({ metrics });
  await runIn((await create({ trigger: NOW })).uid, 'SUCCEEDED');
  await waitFor(async () => (await metrics.text()).includes('dispatch_runs_total{outcome="succeeded"} 1'), { what: 'the run to be counted' });
  expect(await metrics.text()).toContain('dispatch_occurrences_total{outcome="run"} 1');
});
