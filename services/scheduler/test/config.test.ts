import { loadConfig } from '@staddle/config';
import { openDatabase } from '@staddle/database';
import { schedulerSchema } from '@staddle/scheduler-service';
import { expect, it } from 'vitest';

// The grammar is the database's; the configuration knows it as well, so that a wrong URL is told together with everything
// else that is wrong, and ends the process with the exit code of a wrong configuration.
it.each([
  'sqlite::memory:',
  'sqlite:staddle.db',
  'sqlite:/var/lib/staddle/staddle.db',
  'sqlite:a b%20c#d.db',
  'mysql://db/app',
  'mysql://user:pass%40word@db:3307/app',
  'mariadb://user@[::1]:3306/my%20app',
  'sqlite:',
  'sqlite://',
  'sqlite:///var/lib/staddle.db',
  'sqlite:staddle.db?mode=ro',
  ' sqlite:staddle.db',
  'sqlite:a\nb.db',
  'staddle.db',
  'postgres://db/app',
  'MYSQL://db/app',
  'mysql:db/app',
  'mysql://',
  'mysql:///app',
  'mysql://db',
  'mysql://db/',
  'mysql://db/app/other',
  'mysql://db/app%2fother',
  'mysql://db:0/app',
  'mysql://db:99999/app',
  'mysql://%2ftmp%2fsocket/app',
  'mysql://user:100%@db/app',
  'mysql://us%er@db/app',
  'mysql://db/app?ssl=true',
  'mysql://db/app#x',
  'mysql://db/a\tpp',
])('takes %j as a database URL exactly when the database does', async (url) => {
  const outcome = (work: () => unknown): unknown => {
    try {
      work();
      return 'taken';
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  const byDatabase = outcome(() => openDatabase({ url }));
  expect(['taken', 'ERR_DATABASE_URL']).toContain(byDatabase);
  expect(outcome(() => loadConfig({ schema: schedulerSchema, env: { STADDLE_DATABASE__URL: url } }))).toBe(byDatabase === 'taken' ? 'taken' : 'ERR_CONFIG_INVALID');
});
