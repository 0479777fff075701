import { hasCode } from '@staddle/kernel';
import { createPermissions, definePermissions, type Permissions, type UndeclaredRouteError } from '@staddle/permissions';
import { permissionGuard } from '@staddle/permissions/fastify';
import { memoryStore } from '@staddle/permissions/memory';
import Fastify, { type FastifyInstance, type FastifyServerOptions, type RouteShorthandOptions } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';

const P = definePermissions({ task: ['read', 'run'] });
type Name = (typeof P)['names'][number];

const apps: FastifyInstance[] = [];
afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));

const permissions = (): Promise<Permissions<Name>> => createPermissions({ definitions: P, store: memoryStore(), pollMs: 0 });

function fresh(options: FastifyServerOptions = {}): FastifyInstance {
  const app = Fastify(options);
  apps.push(app);
  return app;
}

async function guard(app: FastifyInstance): Promise<FastifyInstance> {
  await app.register(permissionGuard, { permissions: await permissions(), subject: () => undefined });
  return app;
}

const ok = (): string => 'ok';
const open = { config: { public: true } } as const;
const read = { config: { permission: 'task:read' } } as const;

async function undeclared(app: FastifyInstance): Promise<readonly string[]> {
  try {
    await app.ready();
    return [];
  } catch (error) {
    if (hasCode(error, 'ERR_PERMISSIONS_ROUTE_UNDECLARED')) return (error as UndeclaredRouteError).routes;
    throw error;
  }
}

describe('ready()', () => {
  it('fails with every route that declares nothing', async () => {
    const app = await guard(fresh());
    app.get('/b', ok);
    app.get('/a', ok);
    app.get('/declared', read, ok);
    app.route({ method: ['PUT', 'PATCH'], url: '/many', handler: ok });
    app.get('/closed', { config: { public: false } }, ok);
    app.head('/only-head', ok);
    await app.register(
      async (below) => {
        below.post('/x/:id', ok);
        below.get('/open', open, ok);
      },
      { prefix: '/v1' },
    );
    expect(await undeclared(app)).toEqual(['GET /a', 'GET /b', 'GET /closed', 'HEAD /only-head', 'PATCH /many', 'POST /v1/x/:id', 'PUT /many']);
  });

  it('keeps the app from listening', async () => {
    const app = await guard(fresh());
    app.get('/forgotten', ok);
    await expect(app.listen({ port: 0 })).rejects.toThrow('GET /forgotten');
  });

  it('fails with the routes that were registered before the guard, in its scope and below, declared or not', async () => {
    const app = fresh();
    app.get('/early', open, ok);
    app.get('/early/:id/:more?', ok);
    app.post('/early', read, ok);
    app.get('/versioned', { constraints: { version: '1.0.0' } }, ok);
    app.options('*', ok);
    await app.register(async (below) => void below.get('/:name(^\\d+$)', ok), { prefix: '/below' });
    await guard(app);
    app.get('/late', read, ok);
    expect(await undeclared(app)).toEqual(['GET /below/:name(^\\d+$)', 'GET /early', 'GET /early/:id', 'GET /early/:id/:more', 'GET /versioned', 'OPTIONS *', 'POST /early']);
  });

  it('fails when the guard was not waited for', async () => {
    const app = fresh();
    void app.register(permissionGuard, { permissions: await permissions(), subject: () => undefined });
    app.get('/too-early', read, ok);
    expect(await undeclared(app)).toEqual(['GET /too-early']);
  });

  it.each<[string, FastifyServerOptions]>([
    ['plain', {}],
    ['without trailing slashes', { routerOptions: { ignoreTrailingSlash: true } }],
    ['without case', { routerOptions: { caseSensitive: false } }],
    ['without duplicate slashes', { routerOptions: { ignoreDuplicateSlashes: true } }],
    ['without HEAD routes', { exposeHeadRoutes: false }],
  ])('succeeds with declared routes of every form, in an app that is %s', async (_what, options) => {
    const app = await guard(fresh(options));
    app.get('/', read, ok);
    app.get('/Opt/:x?', read, ok);
    app.get('/a/:x-:y', read, ok);
    app.get('/re/:id(^\\d+$)', read, ok);
    app.get('/v/', { ...read, constraints: { version: '1.0.0' } } as RouteShorthandOptions, ok);
    app.get('/v/', { ...read, constraints: { version: '2.0.0' } } as RouteShorthandOptions, ok);
    app.get('/esc::aped', read, ok);
    app.all('/all', read, ok);
    app.options('*', open, ok);
    app.route({ method: ['GET', 'HEAD'], url: '/both', config: { permission: 'task:read' }, handler: ok });
    for (const prefix of ['/p', '/q/']) {
      await app.register(
        async (below) => {
          below.get('/', read, ok);
          below.get('/x', read, ok);
        },
        { prefix },
      );
    }
    expect(await undeclared(app)).toEqual([]);
  });

  it('takes a declaration that another plugin adds to its own routes', async () => {
    const app = await guard(fresh());
    app.addHook('onRoute', (route) => {
      if (route.url.startsWith('/docs/')) route.config = { ...route.config, public: true };
    });
    app.get('/docs/index.html', ok);
    await app.ready();
    expect((await app.inject('/docs/index.html')).statusCode).toBe(200);
    expect(app.permissionGuard.inventory()).toEqual([{ method: 'GET', url: '/docs/index.html', access: 'public' }]);
  });
});

describe('a route is refused at once', () => {
  it.each<[string, string, Record<string, unknown>]>([
    ['for a permission that is not defined', 'ERR_PERMISSIONS_UNKNOWN', { permission: 'task:delete' }],
    ['for one of several that is not defined', 'ERR_PERMISSIONS_UNKNOWN', { permission: ['task:read', 'tsak:run'] }],
    ['for a pattern', 'ERR_PERMISSIONS_UNKNOWN', { permission: 'task:*' }],
    ['for a name that every object has', 'ERR_PERMISSIONS_UNKNOWN', { permission: '__proto__' }],
    ['for an empty list', 'ERR_PERMISSIONS_ROUTE_INVALID', { permission: [] }],
    ['for an object', 'ERR_PERMISSIONS_ROUTE_INVALID', { permission: { all: ['task:read'] } }],
    ['for null', 'ERR_PERMISSIONS_ROUTE_INVALID', { permission: null }],
    ['for true', 'ERR_PERMISSIONS_ROUTE_INVALID', { permission: true }],
    ['for being public in words', 'ERR_PERMISSIONS_ROUTE_INVALID', { public: 'yes' }],
    ['for being public and protected', 'ERR_PERMISSIONS_ROUTE_INVALID', { public: true, permission: 'task:read' }],
  ])('%s', async (_what, code, config) => {
    const app = await guard(fresh());
    expect(() => app.get('/x', { config } as RouteShorthandOptions, ok)).toThrow(expect.objectContaining({ code, message: expect.stringContaining('GET /x') }));
  });
});

describe('inventory()', () => {
  it('is the matrix of routes and permissions, without the HEAD routes that say nothing new', async () => {
    const app = await guard(fresh());
    app.post('/v1/tasks', { config: { permission: 'task:run' } }, ok);
    app.get('/v1/tasks', read, ok);
    app.get('/livez', open, ok);
    app.route({ method: ['PUT', 'PATCH'], url: '/v1/tasks/:id', config: { permission: ['task:read', 'task:run'] }, handler: ok });
    app.head('/probe', open, ok);
    await app.register(async (below) => void below.get('/', read, ok), { prefix: '/below' });
    await app.ready();
    expect(app.permissionGuard.inventory()).toEqual([
      { method: 'GET', url: '/below', access: ['task:read'] },
      { method: 'GET', url: '/livez', access: 'public' },
      { method: 'HEAD', url: '/probe', access: 'public' },
      { method: 'GET', url: '/v1/tasks', access: ['task:read'] },
      { method: 'POST', url: '/v1/tasks', access: ['task:run'] },
      { method: 'PATCH', url: '/v1/tasks/:id', access: ['task:read', 'task:run'] },
      { method: 'PUT', url: '/v1/tasks/:id', access: ['task:read', 'task:run'] },
    ]);
  });
});
