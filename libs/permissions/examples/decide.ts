import { createPermissions, definePermissions } from '@staddle/permissions';
import { memoryStore } from '@staddle/permissions/memory'; // or sqlStore(database) from '@staddle/permissions/sql'

const definitions = definePermissions({ task: ['read', 'run'], link: ['read'] });
const permissions = await createPermissions({
  definitions,
  store: memoryStore(),
  policies: [{ role: 'operator', allow: ['task:*', 'link:read'] }, { role: 'frozen', deny: ['task:run'] }],
});

await permissions.assign({ subject: { id: 'alice', type: 'user' }, role: 'operator' });
console.log(permissions.can({ id: 'alice', type: 'user' }, 'task:run')); // true
console.log(permissions.can({ id: 'alice', type: 'user', roles: ['frozen'] }, 'task:run')); // false: roles of a token count too, and deny wins
console.log(permissions.can({ id: 'bob', type: 'user' }, 'task:read')); // false: nothing is allowed that is not granted
await permissions.close();
