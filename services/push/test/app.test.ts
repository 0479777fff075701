import { createMetrics } from '@staddle/logging';
import { waitFor } from '@staddle/testing';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { listen, mustListen, run, tokenOf, type Caller } from './running.ts';

describe('POST /api/publish', () => {
  it('reaches the subscribers of the channel, as publish() in the process does', async () => {
    await using running = await run();
    const { data } = await mustListen(await running.client({ roles: ['viewer'] }), 'runs:demo');
    const response = await running.post('{\n  "channel": "runs:demo",\n  "data": { "text": "one\\ntwo" }\n}');
    expect(response).toMatchObject({ status: 200, body: { result: {} } });
    await running.service.publish('runs:demo', { from: 'here' });
    await waitFor(() => data.length === 2, { what: 'both publications' });
    expect(data).toEqual([{ text: 'one\ntwo' }, { from: 'here' }]);
  });

  it.each([null, 0, false, '', [], {}])('takes %j for data', async (data) => {
    await using running = await run();
    expect((await running.post({ channel: 'runs:demo', data })).status).toBe(200);
  });

  const cases: [string, unknown, { status: number; code: string; field?: string }][] = [
    ['an unknown key', { channel: 'runs:demo', data: 1, chanel: 'x' }, { status: 422, code: 'ERR_SERVICE_VALIDATION', field: 'chanel' }],
    ['no channel', { data: 1 }, { status: 422, code: 'ERR_SERVICE_VALIDATION', field: 'channel' }],
    ['no data', { channel: 'runs:demo' }, { status: 422, code: 'ERR_SERVICE_VALIDATION', field: 'data' }],
    ['a channel of the wrong type', { channel: ['runs:demo'], data: 1 }, { status: 422, code: 'ERR_SERVICE_VALIDATION', field: 'channel' }],
    ['a channel without namespace', { channel: 'runs', data: 1 }, { status: 422, code: 'ERR_PUSH_CHANNEL', field: 'channel' }],
    ['a channel with a pattern', { channel: 'runs:*', data: 1 }, { status: 422, code: 'ERR_PUSH_CHANNEL', field: 'channel' }],
    ['data that is too large', { channel: 'runs:demo', data: 'x'.repeat(65_536) }, { status: 413, code: 'ERR_PUSH_TOO_LARGE', field: 'data' }],
    ['a body that is too large', { channel: 'runs:demo', data: 'x'.repeat(2_000_000) }, { status: 413, code: 'ERR_SERVICE_BODY_LIMIT' }],
    ['data nested too deeply', `{"channel":"runs:demo","data":${'['.repeat(5_000)}${']'.repeat(5_000)}}`, { status: 400, code: 'ERR_SERVICE_MALFORMED' }],
    ['half of a body', '{"channel":"runs:demo"', { status: 400, code: 'ERR_SERVICE_MALFORMED' }],
    ['an array', [], { status: 422, code: 'ERR_SERVICE_VALIDATION' }],
    ['null', null, { status: 422, code: 'ERR_SERVICE_VALIDATION' }],
  ];
  it.each(cases)('answers %s with a problem', async (_what, body, expected) => {
    await using running = await run();
    const response = await running.post(body);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect({ ...response.body, status: response.status }).toMatchObject(expected);
    expect(JSON.stringify(response.body)).not.toMatch(/\bat .+:\d+:\d+/);
    expect(running.logger.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it.each<[string, Caller | 'nobody', number, string]>([
    ['nobody', 'nobody', 401, 'ERR_SERVICE_AUTH_MISSING'],
    ['a forged token', { roles: ['admin'], secret: 'another secret, also more than 32 bytes' }, 401, 'ERR_SERVICE_AUTH_INVALID'],
    ['an expired token', { roles: ['admin'], ttlMs: -60_000 }, 401, 'ERR_SERVICE_AUTH_EXPIRED'],
    ['a user', {}, 403, 'ERR_PERMISSION_DENIED'],
    ['a viewer', { roles: ['viewer'] }, 403, 'ERR_PERMISSION_DENIED'],
    ['an unknown role', { roles: ['Admin', 'root', '*'] }, 403, 'ERR_PERMISSION_DENIED'],
    ['an admin of one tenant', { roles: ['admin'], tenant: 'acme' }, 403, 'ERR_PERMISSION_DENIED'],
  ])('refuses %s', async (_who, caller, status, code) => {
    await using running = await run();
    expect(await running.post({ channel: 'runs:demo', data: 1 }, caller)).toMatchObject({ status, body: { status, code } });
  });

  it.each(['admin', 'operator', 'service'])('allows the role %s', async (role) => {
    await using running = await run();
    expect((await running.post({ channel: 'runs:demo', data: 1 }, { roles: [role] })).status).toBe(200);
  });
});

describe('a WebSocket client', () => {
  it.each<[string, Caller, string, number | 'yes']>([
    ['admin', { roles: ['admin'] }, 'runs:demo', 'yes'],
    ['operator', { roles: ['operator'] }, 'runs:demo', 'yes'],
    ['service', { roles: ['service'] }, 'runs:demo', 'yes'],
    ['viewer', { roles: ['viewer'] }, 'runs:demo', 'yes'],
    ['an admin of one tenant', { roles: ['admin'], tenant: 'acme' }, 'runs:demo', 103],
    ['a user', {}, 'runs:demo', 103],
    ['a user', {}, 'public:news', 'yes'],
    ['a user', { sub: 'alice' }, 'user:#alice', 'yes'],
    ['a user', { sub: 'alice' }, 'user:#bob', 103],
    ['a user', { sub: 'alice' }, 'user:#alice2', 103],
    ['a user', { sub: 'alice' }, 'user:alice', 103],
    ['a user', { sub: 'Alice' }, 'user:#alice', 103],
    ['a user', { sub: 'a,b' }, 'user:#a,b', 103],
    ['a user', { sub: 'alice' }, 'publicity:news', 103],
    ['a user', { sub: 'alice' }, 'user', 107],
  ])('with the token of %s %j subscribes to %s: %s', async (_who, caller, channel, expected) => {
    await using running = await run();
    const outcome = await listen(await running.client(caller), channel);
    expect(typeof outcome === 'number' ? outcome : 'yes').toBe(expected);
  });

  it('is held to the namespaces that the operator opened', async () => {
    await using running = await run({ settings: { STADDLE_PUSH__OPEN_NAMESPACES: 'runs,news', STADDLE_PUSH__PERSONAL_NAMESPACES: '[]' } });
    const client = await running.client();
    const outcomes = await Promise.all(['runs:demo', 'news:a', 'public:a', 'user:#alice'].map((channel) => listen(client, channel)));
    expect(outcomes.map((outcome) => (typeof outcome === 'number' ? outcome : 'yes'))).toEqual(['yes', 'yes', 103, 103]);
  });

  it('publishes with a role for it only', async () => {
    await using running = await run();
    const operator = await running.client({ sub: 'olga', roles: ['operator'] });
    const viewer = await running.client({ roles: ['viewer'] });
    const { data } = await mustListen(viewer, 'runs:demo');
    await operator.publish('runs:demo', 1);
    await expect(viewer.publish('runs:demo', 2)).rejects.toMatchObject({ code: 103 });
    const user = await running.client();
    await mustListen(user, 'public:news');
    await expect(user.publish('public:news', 3)).rejects.toMatchObject({ code: 103 });
    await waitFor(() => data.length === 1, { what: 'the publication' });
    expect(data).toEqual([1]);
  });

  it('is let in with a fresh token after an expired one, and not with a forged one', async () => {
    await using running = await run();
    const late = await running.client({ ttlMs: -60_000 }, { getToken: () => tokenOf() });
    await late.ready(10_000);
    const forged = await running.client({ secret: 'another secret, also more than 32 bytes' });
    await waitFor(() => forged.state === 'disconnected', { what: 'the refusal' });
    expect(late.state).toBe('connected');
  });

  it('comes from a page of the same host, or of a listed origin', async () => {
    const status = (url: string, origin: string): Promise<number> =>
      new Promise((resolve) => {
        const socket = new WebSocket(`${url.replace('http', 'ws')}/connection/websocket`, { headers: { origin } });
        socket.on('open', () => resolve(101)).on('open', () => socket.close());
        socket.on('unexpected-response', (_request, response) => resolve(response.statusCode!)).on('error', () => {});
      });
    await using same = await run();
    expect(await status(same.service.url, same.service.url)).toBe(101);
    expect(await status(same.service.url, 'https://evil.example')).toBe(403);
    await using listed = await run({ settings: { STADDLE_PUSH__ORIGINS: 'https://app.example,https://*.wide.example' } });
    expect(await status(listed.service.url, 'https://app.example')).toBe(101);
    expect(await status(listed.service.url, 'https://a.wide.example')).toBe(101);
    expect(await status(listed.service.url, listed.service.url)).toBe(403);
  });
});

describe('the service', () => {
  it('tells a plain request to the WebSocket path what is missing', async () => {
    await using running = await run();
    const response = await fetch(`${running.service.url}/connection/websocket`);
    expect(response.status).toBe(426);
    expect(response.headers.get('upgrade')).toBe('websocket');
    expect(await response.json()).toMatchObject({ status: 426, code: 'ERR_PUSHSERVICE_UPGRADE_REQUIRED' });
  });

  it('counts connections, publications and deliveries', async () => {
    const metrics = createMetrics();
    await using running = await run({ metrics });
    const { data } = await mustListen(await running.client({ roles: ['viewer'] }), 'runs:demo');
    await running.post({ channel: 'runs:demo', data: 1 });
    await waitFor(() => data.length === 1, { what: 'the publication' });
    const text = await metrics.text();
    for (const line of ['push_connections 1', 'push_subscriptions 1', 'push_connects_total{result="accepted"} 1', 'push_publications_total{source="server",result="ok"} 1', 'push_deliveries_total 1', 'push_broker_up 1']) {
      expect(text).toContain(line);
    }
  });

  it('guards every route of its own', async () => {
    await using running = await run();
    const document = (await (await fetch(`${running.service.url}/openapi.json`, { headers: { authorization: `Bearer ${await tokenOf()}` } })).json()) as { paths: object };
    expect(Object.keys(document.paths)).toEqual(['/api/publish']);
  });
});
