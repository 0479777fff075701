import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { ServerStartError } from './errors.ts';
import { thisMachine } from './machine.ts';
import { runCommand } from './run-command.ts';
import { startPrivateServer } from './start-server.ts';
import type { ServerKind, ServerPlace, TestServer, TestServerOptions } from './test-server.ts';

const ANSWER_TIMEOUT_MS = 5_000;

export const MARIADB: ServerKind = {
  name: 'mariadb',
  variable: 'TEST_MYSQL_URL',
  programs: ['mariadbd', 'mysqld'],
  packages: { apt: 'mariadb-server', dnf: 'mariadb-server', apk: 'mariadb', brew: 'mariadb' },
  image: { name: 'mariadb:11', port: 3306, env: ['MARIADB_ALLOW_EMPTY_ROOT_PASSWORD=1'] },
  url: (port) => `mysql://root@127.0.0.1:${port}`,
  settings: [
    // Not UTC, and behind it, so that a time which crosses the driver as local text is wrong by eight hours and shows.
    '--default-time-zone=-08:00',
    // No fsync at commit. Not 0: that would lose the last second of commits when a test kills the server.
    '--innodb-flush-log-at-trx-commit=2',
    '--innodb-buffer-pool-size=64M',
    '--max-connections=500',
    '--skip-log-bin',
    '--performance-schema=OFF',
  ],
  prepare,
  placeArgs: ({ folder }, port) => [
    '--no-defaults',
    `--datadir=${join(folder, 'data')}`,
    `--tmpdir=${join(folder, 'tmp')}`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    `--socket=${join(folder, 'server.sock')}`,
    `--pid-file=${join(folder, 'server.pid')}`,
    ...asRoot(),
  ],
  ping: (url) => withConnection(url, (connection) => connection.ping()),
  dataFolder: (url) =>
    withConnection(url, async (connection) => {
      const [rows] = await connection.query<RowDataPacket[]>('SELECT @@datadir AS folder');
      return String(rows[0]?.['folder']).replace(/\/data\/$/, '');
    }),
};

/**
 * A private MariaDB (or MySQL) with user root, without password, in time zone -08:00. What was committed survives `kill()` and `restart()`.
 * @throws ServersUnavailableError (`ERR_TESTING_SERVERS`)
 * @throws ServerStartError (`ERR_TESTING_SERVER_START`)
 */
export function startMariadb(options: TestServerOptions = {}): Promise<TestServer> {
  return startPrivateServer(MARIADB, options);
}

/** The servers refuse to run as root unless told so. */
function asRoot(): readonly string[] {
  return thisMachine.uid === 0 ? ['--user=root'] : [];
}

async function prepare({ program, folder }: ServerPlace): Promise<void> {
  const data = join(folder, 'data');
  const tmp = join(folder, 'tmp');
  await Promise.all([mkdir(data), mkdir(tmp)]);
  const [command, ...args] = await initialisation(program, data);
  // A server that starts deletes the temporary tables it finds: in a shared /tmp those of its neighbours, which then fail.
  const { code, stdout, stderr } = await runCommand(command, args, { env: { TMPDIR: tmp } });
  if (code !== 0) throw new ServerStartError(`${command} ended with code ${code} while it made a data folder: ${`${stdout}${stderr}`.trim().slice(-1_500)}`);
}

async function initialisation(program: string, data: string): Promise<readonly [string, ...string[]]> {
  const { stdout } = await runCommand(program, ['--version']);
  if (!/mariadb/i.test(stdout)) return [program, '--no-defaults', '--initialize-insecure', `--datadir=${data}`, ...asRoot()];
  const installer = thisMachine.findProgram(['mariadb-install-db', 'mysql_install_db']);
  if (!installer) throw new ServerStartError(`${program} is MariaDB, but neither mariadb-install-db nor mysql_install_db is found`);
  return [installer, '--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db', ...asRoot()];
}

async function withConnection<T>(url: string, ask: (connection: Connection) => Promise<T>): Promise<T> {
  const mysql = await import('mysql2/promise');
  const connection = await mysql.createConnection({ uri: url, connectTimeout: ANSWER_TIMEOUT_MS });
  try {
    return await ask(connection);
  } finally {
    connection.destroy();
  }
}
