import { describe, expect, it } from 'vitest';
import { MARIADB } from '../src/mariadb-server.ts';
import { REDIS } from '../src/redis-server.ts';
import { installCommand, planPrivateServer, planServer, type ServerPlan } from '../src/server-plan.ts';
import type { ServerKind } from '../src/test-server.ts';
import { machine, type MachineParts } from './fixtures/machines.ts';

const URL = 'redis://ci:6379';
const EVERYTHING: MachineParts = { env: { TEST_REDIS_URL: URL }, programs: ['redis-server', 'valkey-server', 'apt-get'], docker: true, uid: 0 };

describe('planServer', () => {
  it.each<[string, ServerKind, MachineParts, ServerPlan]>([
    ['takes the address in the environment before anything else', REDIS, EVERYTHING, { by: 'url', url: URL }],
    ['takes an empty variable for none', REDIS, { ...EVERYTHING, env: { TEST_REDIS_URL: '' } }, { by: 'program', program: '/fake/bin/redis-server' }],
    ['takes no other server\'s address', MARIADB, { env: { TEST_REDIS_URL: URL } }, { by: 'nothing' }],
    ['prefers an installed program to Docker', REDIS, { ...EVERYTHING, env: {} }, { by: 'program', program: '/fake/bin/redis-server' }],
    ['knows Valkey', REDIS, { programs: ['valkey-server'] }, { by: 'program', program: '/fake/bin/valkey-server' }],
    ['prefers mariadbd to mysqld', MARIADB, { programs: ['mysqld', 'mariadbd'] }, { by: 'program', program: '/fake/bin/mariadbd' }],
    ['knows MySQL', MARIADB, { programs: ['mysqld'] }, { by: 'program', program: '/fake/bin/mysqld' }],
    ['prefers Docker to changing the machine', REDIS, { programs: ['apt-get'], docker: true, uid: 0 }, { by: 'docker' }],
    ['installs packages on Debian as root', REDIS, { programs: ['apt-get'], uid: 0 }, { by: 'apt' }],
    ['never installs packages as another user', REDIS, { programs: ['apt-get'] }, { by: 'nothing' }],
    ['never installs packages on other systems', MARIADB, { programs: ['dnf'], uid: 0 }, { by: 'nothing' }],
  ])('%s', async (_, kind, parts, plan) => {
    expect(await planServer(kind, machine(parts))).toEqual(plan);
  });
});

describe('planPrivateServer', () => {
  it('never hands out the server of the environment, which others use', async () => {
    expect(await planPrivateServer(REDIS, machine({ env: { TEST_REDIS_URL: URL } }))).toEqual({ by: 'nothing' });
  });
});

describe('installCommand', () => {
  it.each<[string, MachineParts, string]>([
    ['macOS', { platform: 'darwin' }, 'brew install redis mariadb'],
    ['Debian', { programs: ['apt-get'] }, 'sudo apt-get install -y --no-install-recommends redis-server mariadb-server'],
    ['Fedora', { programs: ['dnf'] }, 'sudo dnf install -y redis mariadb-server'],
    ['Fedora as root', { programs: ['dnf'], uid: 0 }, 'dnf install -y redis mariadb-server'],
    ['Alpine', { programs: ['apk'] }, 'sudo apk add redis mariadb'],
    [
      'any other system',
      {},
      'docker run -d --rm -p 127.0.0.1:6379:6379 redis:7 && export TEST_REDIS_URL=redis://127.0.0.1:6379 && ' +
        'docker run -d --rm -p 127.0.0.1:3306:3306 -e MARIADB_ALLOW_EMPTY_ROOT_PASSWORD=1 mariadb:11 && export TEST_MYSQL_URL=mysql://root@127.0.0.1:3306',
    ],
  ])('is exact for %s', (_, parts, command) => {
    expect(installCommand([REDIS, MARIADB], machine(parts))).toBe(command);
  });

  it('names only what is missing', () => {
    expect(installCommand([MARIADB], machine({ platform: 'darwin' }))).toBe('brew install mariadb');
  });
});
