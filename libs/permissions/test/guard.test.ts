import { createPermissions, definePermissions, type Permissions, type Subject } from '@staddle/permissions';
import { permissionGuard, type PermissionGuardOptions } from '@staddle/permissions/fastify';
import { memoryStore } from '@staddle/permissions/memory';
import { recordingLogger } from '@staddle/testing';
import Fastify, { type FastifyInstance, type FastifyRequest, type FastifyServerOptions } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';

const P = definePermissions({ task: ['read', 'run'] });
type Name = (typeof P)['names'][number];

const apps: FastifyInstance[] = [];
afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));

const permissions = (): Promise<Permissions<Name>> =>
  createPermissions({
    definitions: P,
    store: memoryStore(),
    pollMs: 0,
    policies: [{ role: 'viewer', allow: ['task:read'] }, { role: 'runner', allow: ['task:run'] }],
  });

/** `x-roles: viewer,runner` says who asks; without it nobody does. */
const subject = ({ headers }: FastifyRequest): Subject | undefined =>
  typeof headers['x-roles'] === 'string' ? { id: 'alice', type: 'user', roles: headers['x-roles'].split(',') } : undefined;

async function guarded(options: Partial<PermissionGuardOptions> = {}, server: FastifyServerOptions = {}): Promise<FastifyInstance> {
  const app = Fastify(server);
  apps.push(app);
  await app.register(permissionGuard, { permissions: await permissions(), subject, ...options });
  return app;
}

const ok = (): string => 'ok';

async function status(app: FastifyInstance, url: string, roles?: string, method: 'GET' | 'HEAD' | 'POST' | 'OPTIONS' = 'GET'): Promise<number> {
  const { statusCode } = await app.inject({ method, url, headers: roles === undefined ? {} : { 'x-roles': roles } });
  return statusCode;
}

describe('a guarded route', () => {
  it('answers 401 to nobody, 403 to the wrong and 200 to the right one', async () => {
    const app = await guarded();
    app.get('/tasks', { config: { permission: 'task:read' } }, ok);
    expect(await status(app, '/tasks')).toBe(401);
    expect(await status(app, '/tasks', 'runner')).toBe(403);
    expect(await status(app, '/tasks', 'viewer')).toBe(200);
  });

  it('refuses with stable codes, and says nothing about the policy', async () => {
    const app = await guarded();
    app.get('/tasks/:id', { config: { permission: 'task:read' } }, ok);
    const missing = await app.inject('/tasks/1');
    expect(missing.json()).toMatchObject({ code: 'ERR_PERMISSIONS_SUBJECT_MISSING', statusCode: 401 });
    const denied = await app.inject({ url: '/tasks/1', headers: { 'x-roles': 'runner' } });
    expect(denied.json()).toMatchObject({ code: 'ERR_PERMISSION_DENIED', statusCode: 403 });
    for (const { body } of [missing, denied]) expect(body).not.toMatch(/task|read|alice|runner|viewer|role|rule/);
  });

  it('that declares several permissions needs all of them', async () => {
    const app = await guarded();
    app.get('/both', { config: { permission: ['task:read', 'task:run'] } }, ok);
    expect(await status(app, '/both', 'viewer')).toBe(403);
    expect(await status(app, '/both', 'runner')).toBe(403);
    expect(await status(app, '/both', 'viewer,runner')).toBe(200);
  });

  it('that is public answers anybody, and does not ask who', async () => {
    const app = await guarded({
      subject: () => {
        throw new Error('must not be asked');
      },
    });
    app.get('/health', { config: { public: true } }, ok);
    expect(await status(app, '/health')).toBe(200);
  });

  it('is refused before its body is read and before its own hooks', async () => {
    const app = await guarded();
    const seen: string[] = [];
    app.addHook('preParsing', async () => void seen.push('preParsing'));
    app.post('/tasks', { config: { permission: 'task:run' }, onRequest: async () => void seen.push('onRequest'), preHandler: async () => void seen.push('preHandler') }, ok);
    expect((await app.inject({ method: 'POST', url: '/tasks', headers: { 'content-type': 'application/json', 'x-roles': 'viewer' }, payload: '{broken' })).statusCode).toBe(403);
    expect(seen).toEqual([]);
  });

  it('sees the subject that an onRequest hook before the guard has found', async () => {
    const app = Fastify();
    apps.push(app);
    app.decorateRequest('who', undefined);
    app.addHook('onRequest', async (request) => {
      Object.assign(request, { who: { id: 'alice', type: 'user', roles: ['viewer'] } });
    });
    await app.register(permissionGuard, { permissions: await permissions(), subject: (request) => (request as { who?: Subject }).who });
    app.get('/tasks', { config: { permission: 'task:read' } }, ok);
    expect(await status(app, '/tasks')).toBe(200);
  });

  it('is never opened by a fault of the subject', async () => {
    const perms = await permissions();
    const faults: PermissionGuardOptions['subject'][] = [
      () => {
        throw new Error('boom');
      },
      () => null as unknown as undefined,
      () => ({ id: 7, type: 'user', roles: ['viewer'] }) as unknown as Subject,
      () => Promise.resolve({ id: 'alice', type: 'user', roles: ['viewer'] }) as unknown as Subject,
      () => 'alice' as unknown as Subject,
    ];
    const seen: number[] = [];
    for (const fault of faults) {
      const app = await guarded({ permissions: perms, subject: fault });
      app.get('/tasks', { config: { permission: 'task:read' } }, ok);
      seen.push(await status(app, '/tasks'));
    }
    expect(seen).toEqual([500, 401, 403, 403, 403]);
  });

  it('answers 503 while no policy has been read', async () => {
    const perms = await createPermissions({ definitions: P, store: memoryStore([{ role: 'viewer', allow: ['*'] }]), autoStart: false });
    const app = await guarded({ permissions: perms });
    app.get('/tasks', { config: { permission: 'task:read' } }, ok);
    const early = await app.inject({ url: '/tasks', headers: { 'x-roles': 'viewer' } });
    expect([early.statusCode, early.json().code]).toEqual([503, 'ERR_PERMISSIONS_NOT_LOADED']);
    await perms.start();
    expect(await status(app, '/tasks', 'viewer')).toBe(200);
    await perms.close();
  });

  it('follows a change of the policy with the next request', async () => {
    const perms = await permissions();
    const app = await guarded({ permissions: perms });
    app.get('/tasks', { config: { permission: 'task:read' } }, ok);
    expect(await status(app, '/tasks', 'viewer')).toBe(200);
    await perms.grant({ role: 'viewer', permission: 'task:read', effect: 'deny' });
    expect(await status(app, '/tasks', 'viewer')).toBe(403);
  });

  it('asks in the tenant of the request, where roles of a token for another tenant do not count', async () => {
    const perms = await permissions();
    await perms.assign({ subject: { id: 'alice', type: 'user' }, role: 'viewer', tenant: 'acme' });
    const app = await guarded({ permissions: perms, tenant: ({ headers }) => headers['x-tenant'] as string | undefined });
    app.get('/tasks', { config: { permission: 'task:read' } }, ok);
    app.get('/run', { config: { permission: 'task:run' } }, ok);
    const ask = async (url: string, headers: Record<string, string>): Promise<number> => (await app.inject({ url, headers: { 'x-roles': 'runner', ...headers } })).statusCode;
    expect(await ask('/run', {})).toBe(200);
    expect(await ask('/run', { 'x-tenant': 'acme' })).toBe(403);
    expect(await ask('/tasks', { 'x-tenant': 'acme' })).toBe(200);
    expect(await ask('/tasks', { 'x-tenant': 'other' })).toBe(403);
    expect(await ask('/tasks', { 'x-tenant': '*' })).toBe(403);
  });

  it('leaves a line in the log for every refusal', async () => {
    const logger = recordingLogger();
    const app = await guarded({ logger });
    app.get('/tasks/:id', { config: { permission: 'task:read' } }, ok);
    await status(app, '/tasks/1', 'runner');
    await status(app, '/tasks/1', 'viewer');
    expect(logger.lines).toEqual([
      { level: 'info', message: 'permission denied', fields: { 'user.id': 'alice', tenant: undefined, permission: 'task:read', route: 'GET /tasks/:id', reason: 'NOT_GRANTED' } },
    ]);
  });
});

describe('what decides', () => {
  it('is the declaration of the route that matched, however the URL is spelled', async () => {
    const app = await guarded({}, { routerOptions: { ignoreDuplicateSlashes: true, ignoreTrailingSlash: true, caseSensitive: false } });
    app.get('/tasks/:id', { config: { permission: 'task:read' } }, ok);
    app.get('/public/:id', { config: { public: true } }, ok);
    for (const url of ['/tasks/1', '//tasks//1', '/tasks/1/', '/TASKS/1', '/tasks/1?config[public]=true', '/tasks/%2e%2e%2fpublic', '/%74asks/1', '/tasks/..%2fpublic%2f1', '/tasks/1;/public/1', '/tasks/1#/public/1']) {
      expect([401, 404], url).toContain(await status(app, url));
      expect([403, 404], url).toContain(await status(app, url, 'runner'));
    }
    expect(await status(app, '//public/1', 'runner')).toBe(200);
  });

  it('is for HEAD what it is for GET', async () => {
    const app = await guarded();
    app.get('/tasks', { config: { permission: 'task:read' } }, ok);
    app.get('/health', { config: { public: true } }, ok);
    expect([await status(app, '/tasks', undefined, 'HEAD'), await status(app, '/tasks', 'runner', 'HEAD'), await status(app, '/tasks', 'viewer', 'HEAD')]).toEqual([401, 403, 200]);
    expect(await status(app, '/health', undefined, 'HEAD')).toBe(200);
  });

  it('is nothing for what matches no route', async () => {
    const app = await guarded();
    app.get('/tasks', { config: { permission: 'task:read' } }, ok);
    expect([await status(app, '/nowhere'), await status(app, '/tasks', undefined, 'POST')]).toEqual([404, 404]);
  });

  it('holds in plugins below the one that registers the guard, and not above or beside it', async () => {
    const app = Fastify();
    apps.push(app);
    app.get('/metrics', ok);
    await app.register(async (scope) => {
      await scope.register(permissionGuard, { permissions: await permissions(), subject });
      scope.get('/own', { config: { permission: 'task:read' } }, ok);
      await scope.register(async (below) => void below.get('/below', { config: { permission: 'task:read' } }, ok), { prefix: '/deep' });
    });
    await app.register(async (beside) => void beside.get('/beside', ok));
    expect([await status(app, '/metrics'), await status(app, '/beside'), await status(app, '/own'), await status(app, '/deep/below')]).toEqual([200, 200, 401, 401]);
    expect([await status(app, '/own', 'viewer'), await status(app, '/deep/below', 'viewer')]).toEqual([200, 200]);
  });
});
