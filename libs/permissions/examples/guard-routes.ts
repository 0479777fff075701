import { createPermissions, definePermissions, type PermissionName } from '@staddle/permissions';
import { permissionGuard, type RouteAccess } from '@staddle/permissions/fastify';
import { memoryStore } from '@staddle/permissions/memory';
import Fastify from 'fastify';

const definitions = definePermissions({ task: ['read', 'run'] });
type Access = RouteAccess<PermissionName<typeof definitions>>;

const permissions = await createPermissions({ definitions, store: memoryStore(), policies: [{ role: 'viewer', allow: ['task:read'] }] });
const app = Fastify();
// Authentication belongs before this line; here a header stands for it.
await app.register(permissionGuard, {
  permissions,
  subject: ({ headers }) => (headers.authorization === 'alice' ? { id: 'alice', type: 'user', roles: ['viewer'] } : undefined),
});
app.get('/health', { config: { public: true } satisfies Access }, () => 'up');
app.get('/tasks', { config: { permission: 'task:read' } satisfies Access }, () => 'tasks');
app.post('/tasks', { config: { permission: 'task:run' } satisfies Access }, () => 'started');

const ask = async (method: 'GET' | 'POST', url: string, authorization = ''): Promise<void> => {
  const { statusCode } = await app.inject({ method, url, headers: { authorization } });
  console.log(method, url, statusCode);
};
await ask('GET', '/health'); // 200
await ask('GET', '/tasks'); // 401
await ask('GET', '/tasks', 'alice'); // 200
await ask('POST', '/tasks', 'alice'); // 403
await app.close();
await permissions.close();
