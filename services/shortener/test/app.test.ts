import { connect } from 'node:net';
import { once } from 'node:events';
import { createMetrics } from '@staddle/logging';
import { DIALECTS } from '@staddle/testing';
import { describe, expect, it } from 'vitest';
import { headerOf, LONG_URL, run, type Caller } from './running.ts';

const INSTANT = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string;

describe.each(DIALECTS)('the API on %s', (dialect) => {
  it('creates a link, sends visitors on and counts them', async () => {
    const { call, visit, visitsOf, service } = await run({ dialect });
    const { status, headers, body: link } = await call('/v1/links', { body: { longUrl: LONG_URL, slug: 'sale' }, as: { sub: 'olga', roles: ['operator'] } });
    expect(status).toBe(201);
    expect(headers.get('location')).toBe(`/v1/links/${link.uid}`);
    expect(link).toEqual({
      uid: expect.any(String),
      slug: 'sale',
      shortUrl: `${service.url}/sale`,
      longUrl: LONG_URL,
      state: 'ACTIVE',
      visits: 0,
      owner: 'olga',
      version: 1,
      createdAt: INSTANT,
      updatedAt: link.createdAt,
    });
    expect((await call(`/v1/links/${link.uid}`)).body).toEqual(link);

    for (let count = 0; count < 3; count++) {
      const answer = await visit('/sale');
      expect(answer).toMatchObject({ status: 302, body: '' });
      expect(headerOf(answer, 'location')).toBe(LONG_URL);
      expect(headerOf(answer, 'cache-control')).toBe('private, no-store');
      expect(headerOf(answer, 'content-length')).toBe('0');
    }
    expect(await visitsOf(link.uid, 3)).toBe(3);
  });

  it('makes a code when no slug is given', async () => {
    const { create, visit } = await run({ dialect });
    const { slug } = await create();
    expect(slug).toMatch(/^[2-9A-HJ-NP-Za-km-np-z]{7}$/);
    expect((await visit(`/${slug}`)).status).toBe(302);
  });

  it('deletes a link for good', async () => {
    const { call, create, visit } = await run({ dialect });
    const { uid } = await create({ slug: 'sale' });
    for (let count = 0; count < 2; count++) expect(await call(`/v1/links/${uid}`, { method: 'DELETE' })).toMatchObject({ status: 204, body: undefined });
    const answer = await visit('/sale');
    expect(answer.status).toBe(410);
    expect(headerOf(answer, 'cache-control')).toBe('no-store');
    expect(JSON.parse(answer.body)).toMatchObject({ status: 410, code: 'ERR_SHORTENER_LINK_DELETED' });
    expect((await call(`/v1/links/${uid}`)).body).toMatchObject({ state: 'DELETED', version: 2 });
    expect(await call('/v1/links', { body: { longUrl: LONG_URL, slug: 'sale' } })).toMatchObject({ status: 409, body: { code: 'ERR_SHORTLINK_SLUG_TAKEN', field: 'slug' } });
  });

  it('has no link for a uid that cannot be one', async () => {
    const { call, create, logger } = await run({ dialect });
    const { uid } = await create();
    for (const odd of ['%C3%A9', '%F0%9F%A6%8A', '%EF%BF%BF', '%00', '%20', `${uid}%20`, `${uid}%C3%A9`, `${uid}%2F`, '%27%20or%20%271']) {
      for (const method of ['GET', 'DELETE']) expect((await call(`/v1/links/${odd}`, { method })).body, odd).toMatchObject({ status: 404, code: 'ERR_SERVICE_NOT_FOUND' });
      expect((await call(`/v1/links?cursor=${odd}`)).body, odd).toMatchObject({ status: 400, code: 'ERR_SHORTLINK_CURSOR' });
    }
    expect((await call(`/v1/links/${uid}`)).body).toMatchObject({ state: 'ACTIVE' });
    expect(logger.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('pages through active links, newest first', async () => {
    const { call, create } = await run({ dialect });
    const uids: (string | undefined)[] = [];
    for (const slug of ['a', 'b', 'c', 'd']) uids.unshift((await create({ slug })).uid);
    await call(`/v1/links/${uids[1]}`, { method: 'DELETE' });
    const first = (await call('/v1/links?limit=2')).body;
    const second = (await call(`/v1/links?limit=2&cursor=${first.nextCursor}`)).body;
    expect([...first.items, ...second.items].map(({ uid }: { uid: string }) => uid)).toEqual([uids[0], uids[2], uids[3]]);
    expect(second.nextCursor).toBeUndefined();
  });

  it('gives a slug to one of many who ask at once', async () => {
    const { call } = await run({ dialect });
    const answers = await Promise.all(Array.from({ length: 25 }, () => call('/v1/links', { body: { longUrl: LONG_URL, slug: 'wanted' } })));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, ...Array.from({ length: 24 }, () => 409)]);
  });

  it('answers for slugs that differ in a letter, a case or a blank', async () => {
    const { create, visit } = await run({ dialect });
    await create({ slug: 'Docs', longUrl: 'https://one.example/' });
    await create({ slug: 'docs', longUrl: 'https://two.example/' });
    expect(headerOf(await visit('/Docs'), 'location')).toBe('https://one.example/');
    expect(headerOf(await visit('/docs'), 'location')).toBe('https://two.example/');
    for (const path of ['/DOCS', '/docs%20', '/docs%00', '/%20docs', '/doc', '/docs2']) expect((await visit(path)).status, path).toBe(404);
  });
});

describe('a redirect', () => {
  it('has the same head for HEAD, which is not counted', async () => {
    const { create, visit, visitsOf } = await run();
    const { uid } = await create({ slug: 'sale' });
    const own = ([name]: readonly [string, string]): boolean => !['x-request-id', 'date'].includes(name);
    const head = await visit('/sale', { method: 'HEAD' });
    const get = await visit('/sale');
    expect(head).toMatchObject({ status: 302, body: '' });
    expect(head.headers.filter(own)).toEqual(get.headers.filter(own));
    expect(await visitsOf(uid, 1)).toBe(1);
  });

  it.each(['/sale', '/sale/', '/%73ale', '/sale?utm_source=x', '/sale?', '/sale?%zz'])('is found at %s', async (path) => {
    const { create, visit } = await run();
    await create({ slug: 'sale' });
    const answer = await visit(path);
    expect(answer.status).toBe(302);
    expect(headerOf(answer, 'location')).toBe(LONG_URL);
  });

  const strange = ['/', '//sale', '/sale//', '/./sale', '/sale/x', '/sale%2F', '/sale;x', '/sold', '/sale%20', '/%E0%A4%A', '/%', '/%zz', '/sale%', '/%ff', '/%00', '/%0d%0aX:1'];
  const elsewhere = ['/..%2f..%2fetc%2fpasswd', '/__proto__', '/constructor', '/robots.txt', '/favicon.ico', '/.well-known/x', '/wp-login.php', '/v1', '/v1/', '/v2'];
  it.each([...strange, ...elsewhere, `/${'x'.repeat(300)}`, `/${'x'.repeat(2_000)}`])('is not found at %s', async (path) => {
    const { create, visit, logger } = await run();
    await create({ slug: 'sale' });
    const answer = await visit(path);
    expect(answer.status).toBe(404);
    expect(headerOf(answer, 'content-type')).toContain('application/problem+json');
    expect(JSON.parse(answer.body)).toMatchObject({ status: 404, code: expect.stringMatching(/^ERR_SERVICE_/) as string });
    expect(answer.headers.filter(([name]) => name === 'location')).toEqual([]);
    expect(logger.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('keeps caches from remembering what is not there', async () => {
    const { visit } = await run();
    for (const path of ['/nothing', '/no/route', '/%zz', `/${'x'.repeat(2_000)}`]) expect(headerOf(await visit(path), 'cache-control'), path).toBe('no-store');
    expect(headerOf(await visit('/nothing', { method: 'PUT' }), 'cache-control')).toBe('no-store');
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('refuses %s', async (method) => {
    const { create, visit } = await run();
    await create({ slug: 'sale' });
    const answer = await visit('/sale', { method });
    expect(answer.status).toBe(405);
    expect(headerOf(answer, 'allow').split(', ').toSorted()).toEqual(['GET', 'HEAD']);
  });

  it('sends one Location and nothing that the owner could smuggle in', async () => {
    const { create, service } = await run();
    await create({ slug: 'odd', longUrl: 'https://example.com/%0d%0aSet-Cookie:%20a=b?"<>^`{|}\\#é\u{1f98a}' });
    const { hostname, port } = new URL(service.url);
    const socket = connect(Number(port), hostname);
    // As it is asked by HTTP/1.0: no Host header.
    socket.write('GET /odd HTTP/1.0\r\n\r\n');
    let answer = '';
    for await (const chunk of socket.setEncoding('latin1')) answer += chunk;
    const [head] = answer.split('\r\n\r\n');
    expect(head!.split('\r\n').filter((line) => /^location:/i.test(line))).toEqual(['location: https://example.com/%0d%0aSet-Cookie:%20a=b?"<>^`{|}\\#%C3%A9%F0%9F%A6%8A']);
    expect(head).not.toMatch(/^set-cookie/im);
  });

  it('takes a request in absolute form', async () => {
    const { create, visit } = await run();
    await create({ slug: 'sale' });
    expect((await visit('http://sho.rt/sale')).status).toBe(302);
  });

  it('needs no identity, and does not mind a broken one', async () => {
    const { create, visit } = await run();
    await create({ slug: 'sale' });
    expect((await visit('/sale', { headers: { authorization: 'Bearer nonsense' } })).status).toBe(302);
  });

  it('answers a client that goes away without a word in the error log', async () => {
    const { create, service, logger, visit } = await run();
    await create({ slug: 'sale' });
    const { hostname, port } = new URL(service.url);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    socket.write('GET /sale HTTP/1.1\r\nHost: x\r\n\r\n');
    socket.destroy();
    expect((await visit('/sale')).status).toBe(302);
    expect(logger.lines.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
  });
});

describe('bad input', () => {
  it.each<[string, unknown, number, string, string | undefined]>([
    ['an unknown key', { longUrl: LONG_URL, colour: 'red' }, 422, 'ERR_SERVICE_VALIDATION', 'colour'],
    ['a key of the answer', { longUrl: LONG_URL, visits: 1_000 }, 422, 'ERR_SERVICE_VALIDATION', 'visits'],
    ['a foreign tenant', { longUrl: LONG_URL, tenant: 'acme' }, 422, 'ERR_SERVICE_VALIDATION', 'tenant'],
    ['no long URL', {}, 422, 'ERR_SERVICE_VALIDATION', 'longUrl'],
    ['a number for the long URL', { longUrl: 42 }, 422, 'ERR_SERVICE_VALIDATION', 'longUrl'],
    ['null for the slug', { longUrl: LONG_URL, slug: null }, 422, 'ERR_SERVICE_VALIDATION', 'slug'],
    ['a javascript: URL', { longUrl: 'javascript:alert(1)' }, 422, 'ERR_SHORTLINK_URL', 'longUrl'],
    ['a tab in the scheme', { longUrl: 'java\tscript:alert(1)' }, 422, 'ERR_SHORTLINK_URL', 'longUrl'],
    ['a user in the URL', { longUrl: 'https://bank.example@evil.example/' }, 422, 'ERR_SHORTLINK_URL', 'longUrl'],
    ['a line break in the URL', { longUrl: 'https://example.com/\r\nSet-Cookie: a=b' }, 422, 'ERR_SHORTLINK_URL', 'longUrl'],
    ['a URL that is too long', { longUrl: `https://example.com/${'x'.repeat(8_000)}` }, 422, 'ERR_SHORTLINK_URL', 'longUrl'],
    ['a slug with a slash', { longUrl: LONG_URL, slug: 'a/b' }, 422, 'ERR_SHORTLINK_SLUG', 'slug'],
    ['an empty slug', { longUrl: LONG_URL, slug: '' }, 422, 'ERR_SHORTLINK_SLUG', 'slug'],
    ['a slug that is too long', { longUrl: LONG_URL, slug: 'x'.repeat(256) }, 422, 'ERR_SHORTLINK_SLUG', 'slug'],
    ['a reserved slug', { longUrl: LONG_URL, slug: 'Console' }, 422, 'ERR_SHORTLINK_SLUG', 'slug'],
    ['no object', [LONG_URL], 422, 'ERR_SERVICE_VALIDATION', ''],
    ['no JSON', '{"longUrl":', 400, 'ERR_SERVICE_MALFORMED', undefined],
    ['a body over the limit', { longUrl: 'x'.repeat(1_100_000) }, 413, 'ERR_SERVICE_BODY_LIMIT', undefined],
  ])('%s is refused with code and field', async (_what, body, status, code, field) => {
    const { call, logger } = await run();
    const answer = await call('/v1/links', { body });
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(answer.body).toMatchObject({ status, code, ...(field === undefined ? {} : { field }) });
    expect(JSON.stringify(answer.body)).not.toMatch(/\bat .+:\d+:\d+/);
    expect(logger.lines.filter(({ level }) => level === 'error')).toEqual([]);
    expect((await call('/v1/links')).body).toEqual({ items: [] });
  });

  it('is a link to the shortener itself, by its own address and by the configured one', async () => {
    const { call, service } = await run();
    expect((await call('/v1/links', { body: { longUrl: `${service.url}/sale` } })).body).toMatchObject({ code: 'ERR_SHORTLINK_URL' });
    const other = await run({ settings: { STADDLE_SHORTENER__BASE_URL: 'https://sho.rt' } });
    expect((await other.call('/v1/links', { body: { longUrl: 'http://SHO.rt./sale' } })).body).toMatchObject({ code: 'ERR_SHORTLINK_URL' });
    expect((await other.create({ slug: 'sale' })).shortUrl).toBe('https://sho.rt/sale');
  });

  it.each([
    ['/v1/links?limit=0', 422, 'ERR_SERVICE_VALIDATION'],
    ['/v1/links?limit=201', 422, 'ERR_SERVICE_VALIDATION'],
    ['/v1/links?page=2', 422, 'ERR_SERVICE_VALIDATION'],
    ['/v1/links?cursor=nothing', 400, 'ERR_SHORTLINK_CURSOR'],
    ['/v1/links/nothing', 404, 'ERR_SERVICE_NOT_FOUND'],
    ['/v1/links/__proto__', 404, 'ERR_SERVICE_NOT_FOUND'],
    [`/v1/links/${'x'.repeat(65)}`, 422, 'ERR_SERVICE_VALIDATION'],
    ['/v1/links/%zz', 404, 'ERR_SERVICE_URL'],
    ['/v1/nothing', 404, 'ERR_SERVICE_ROUTE'],
  ])('at %s is answered with %d', async (path, status, code) => {
    const { call } = await run();
    expect(await call(path)).toMatchObject({ status, body: { status, code } });
  });

  it('for DELETE is a link that is not there', async () => {
    const { call } = await run();
    expect(await call('/v1/links/nothing', { method: 'DELETE' })).toMatchObject({ status: 404, body: { code: 'ERR_SERVICE_NOT_FOUND' } });
  });
});

describe('who may do what', () => {
  it.each<[string, Caller | 'nobody', number, string]>([
    ['nobody', 'nobody', 401, 'ERR_SERVICE_AUTH_MISSING'],
    ['a forged token', { roles: ['admin'], secret: 'another secret, also more than 32 bytes' }, 401, 'ERR_SERVICE_AUTH_INVALID'],
    ['an expired token', { roles: ['admin'], ttlMs: -60_000 }, 401, 'ERR_SERVICE_AUTH_EXPIRED'],
    ['a user without a role', {}, 403, 'ERR_PERMISSION_DENIED'],
    ['an unknown role', { roles: ['Admin', 'root', '*'] }, 403, 'ERR_PERMISSION_DENIED'],
    ['a viewer', { roles: ['viewer'] }, 403, 'ERR_PERMISSION_DENIED'],
  ])('%s creates no link', async (_who, as, status, code) => {
    const { call } = await run();
    expect(await call('/v1/links', { body: { longUrl: LONG_URL }, as })).toMatchObject({ status, body: { status, code } });
  });

  it.each<[string, number, number, number]>([
    ['admin', 201, 200, 204],
    ['operator', 201, 200, 204],
    ['service', 201, 200, 403],
    ['viewer', 403, 200, 403],
    ['visitor', 403, 403, 403],
  ])('%s: create %d, read %d, delete %d', async (role, created, read, deleted) => {
    const { call, create } = await run();
    const { uid } = await create();
    const as = { roles: [role] };
    expect((await call('/v1/links', { body: { longUrl: LONG_URL }, as })).status).toBe(created);
    expect((await call('/v1/links', { as })).status).toBe(read);
    expect((await call(`/v1/links/${uid}`, { as })).status).toBe(read);
    expect((await call(`/v1/links/${uid}`, { method: 'DELETE', as })).status).toBe(deleted);
  });

  it('a tenant works on its own links, and cannot tell others from none', async () => {
    const { call, create, visit } = await run();
    const acme = { roles: ['admin'], tenant: 'acme' };
    const { uid, slug } = await create({}, acme);
    for (const as of [{ roles: ['admin'] }, { roles: ['admin'], tenant: 'other' }]) {
      for (const method of ['GET', 'DELETE']) {
        const [theirs, none] = [await call(`/v1/links/${uid}`, { method, as }), await call(`/v1/links/${'x'.repeat(21)}`, { method, as })];
        expect(theirs.status).toBe(404);
        const shape = ({ body }: typeof theirs): object => ({ ...body, detail: String(body.detail).replace(/".*"/, ''), requestId: '' });
        expect(shape(theirs)).toEqual(shape(none));
      }
      expect((await call('/v1/links', { as })).body).toEqual({ items: [] });
    }
    expect((await call('/v1/links', { as: acme })).body.items).toHaveLength(1);
    expect((await visit(`/${slug}`)).status).toBe(302);
  });

  it('probes and redirects are open, everything else needs a token', async () => {
    const { visit } = await run();
    const statuses = await Promise.all(['/livez', '/readyz', '/startupz', '/openapi.json', '/v1/links', '/v1/links/x'].map(async (path) => [path, (await visit(path)).status]));
    expect(Object.fromEntries(statuses)).toEqual({ '/livez': 200, '/readyz': 200, '/startupz': 200, '/openapi.json': 401, '/v1/links': 401, '/v1/links/x': 401 });
  });
});

describe('the service', () => {
  it('lets no slug stand where a route is', async () => {
    const { call, service } = await run({ metrics: createMetrics() });
    const words = [...service.app.printRoutes({ commonPrefix: false }).matchAll(/^[├└]── \/([\w.-]+)/gm)].map(([, word]) => word!);
    expect(words.toSorted()).toEqual(['livez', 'metrics', 'openapi.json', 'readyz', 'startupz', 'v1']);
    for (const slug of words) expect((await call('/v1/links', { body: { longUrl: LONG_URL, slug } })).body, slug).toMatchObject({ code: 'ERR_SHORTLINK_SLUG' });
  });

  it('counts what it does', async () => {
    const metrics = createMetrics();
    const { create, visit } = await run({ metrics });
    await create({ slug: 'sale' });
    await visit('/sale');
    await visit('/nothing');
    const text = await metrics.text();
    for (const line of ['shortlink_resolutions_total{outcome="active"} 1', 'shortlink_resolutions_total{outcome="unknown"} 1']) expect(text).toContain(line);
    expect(text).toContain('http_request_duration_seconds_count{method="GET",route="/:slug",status="3xx"} 1');
  });

  it('describes its API', async () => {
    const { call } = await run();
    const { body } = await call('/openapi.json', { as: {} });
    expect(Object.entries(body.paths as Record<string, object>).map(([path, methods]) => [path, Object.keys(methods)])).toEqual([
      ['/v1/links', ['post', 'get']],
      ['/v1/links/{uid}', ['get', 'delete']],
      ['/{slug}', ['get']],
    ]);
  });

  it('keeps the long URLs of visitors out of its log', async () => {
    const { create, visit, logger } = await run();
    await create({ slug: 'sale', longUrl: 'https://example.com/?token=hunter2' });
    await visit('/sale?email=alice@example.com');
    const log = JSON.stringify(logger.lines);
    expect(log).not.toContain('hunter2');
    expect(log).not.toContain('alice@example.com');
  });
});
