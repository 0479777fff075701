import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDatabase, parseDatabaseUrl } from '@staddle/database';

describe('parseDatabaseUrl', () => {
  it('reads SQLite in memory, relative and absolute', () => {
    expect(parseDatabaseUrl('sqlite::memory:')).toMatchObject({ dialect: 'sqlite', file: ':memory:' });
    expect(parseDatabaseUrl('sqlite:.staddle/staddle.db')).toMatchObject({ dialect: 'sqlite', file: resolve('.staddle/staddle.db') });
    expect(parseDatabaseUrl('sqlite:/var/lib/app.db')).toMatchObject({ dialect: 'sqlite', file: '/var/lib/app.db' });
  });

  it('reads user, password, host, port and database, percent-decoded', () => {
    expect(parseDatabaseUrl('mysql://ap%40p:p%2Fss%3Aword@db.example:3307/main')).toEqual({
      dialect: 'mysql',
      shown: 'mysql://ap%40p@db.example:3307/main',
      host: 'db.example',
      port: 3307,
      user: 'ap@p',
      password: 'p/ss:word',
      database: 'main',
    });
    expect(parseDatabaseUrl('mariadb://root@[::1]/main')).toMatchObject({ dialect: 'mysql', host: '::1', port: 3306, password: '' });
  });

  it('takes a secret and never shows its password', () => {
    const url = parseDatabaseUrl({ reveal: () => 'mysql://app:hunter2@db/main' });
    expect(url.shown).toBe('mysql://app@db/main');
    expect(openDatabase({ url: 'mysql://app:hunter2@db/main' }).shownUrl).toBe('mysql://app@db/main');
    expect(parseDatabaseUrl('mysql://app:hun@ter2@db/main')).toMatchObject({ shown: 'mysql://app@db/main', password: 'hun@ter2' });
    for (const plain of ['mysql://app@db/main', 'mariadb://db:3307/main']) expect(parseDatabaseUrl(plain).shown).toBe(plain);
  });

  it.each([
    ['postgres://app:hunter2@db/main', 'does not start with sqlite:, mysql:// or mariadb://'],
    ['', 'does not start with sqlite:, mysql:// or mariadb://'],
    ['sqlite:', 'is not sqlite::memory:'],
    ['sqlite:///tmp/a.db', 'is not sqlite::memory:'],
    ['sqlite:a.db?mode=ro', 'is not sqlite::memory:'],
    ['mysql://app:hunter2@db', 'does not name one database'],
    ['mysql://app:hunter2@db/', 'does not name one database'],
    ['mysql://app:hunter2@db/one/two', 'does not name one database'],
    ['mysql://app:hunter2@db/main?ssl=true', 'carries parameters'],
    ['mysql://app:hunter2@db:port/main', 'is not mysql://user:password@host:port/database'],
    ['mysql://app:hun%ter2@db/main', 'has a %'],
    ['mysql://app:hun@ter2@/main', 'is not mysql://user:password@host:port/database'],
    ['mysql://app:hun\nter2@db/main', 'holds a control character'],
    ['mysql://app:hunter2@db/main\n', 'holds a control character'],
    ['sqlite:app.db\n', 'holds a control character'],
    ['sqlite:app\0.db', 'holds a control character'],
    ['mysql://app:hunter2@db:0/main', 'names a host or port that cannot be'],
    ['mysql://app:hunter2@%2Fvar%2Frun%2Fmysqld.sock/main', 'names a host or port that cannot be'],
    ['mysql://app:hunter2@dß/main', 'names a host or port that cannot be'],
    ['mysql://db/main?user=app&password=hunter2', 'carries parameters'],
    ['mysql://app:hunter2@db/main#hunter2', 'carries parameters'],
    ['mysql://app:hun#ter2@db/main', 'is not mysql://user:password@host:port/database'],
    ['mysql://app:hun/ter2@db/main', 'is not mysql://user:password@host:port/database'],
    ['MYSQL://app:hunter2@db/main', 'does not start with'],
    [' mysql://app:hunter2@db/main', 'does not start with'],
    ['mysql:/app:hunter2@db/main', 'does not start with'],
    ['mysql:app:hunter2@db/main', 'does not start with'],
    ['app:hunter2@db/main', 'does not start with'],
    ['"mysql://app:hunter2@db/main"', 'does not start with'],
    ['jdbc:mysql://db/main?password=hunter2', 'does not start with'],
  ])('refuses %j and says why, without the password', (url, rule) => {
    const error = thrownBy(() => parseDatabaseUrl(url));
    expect(error).toMatchObject({ code: 'ERR_DATABASE_URL', field: 'url', retryable: false });
    expect(error.message).toContain(rule);
    expect(error.message).not.toMatch(/hun|ter2/);
  });
});

function thrownBy(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
