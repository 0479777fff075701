import { resolve } from 'node:path';
import { DatabaseUrlError } from './errors.ts';

/** A secret text, such as `Secret` of `@staddle/config`. */
export interface Revealable {
  reveal(): string;
}

export type DatabaseUrl =
  | { readonly dialect: 'sqlite'; readonly shown: string; /** Absolute path, or `:memory:`. */ readonly file: string }
  | {
      readonly dialect: 'mysql';
      /** The URL without its password: for messages and logs. */
      readonly shown: string;
      readonly host: string;
      readonly port: number;
      readonly user: string;
      readonly password: string;
      readonly database: string;
    };

/**
 * Reads `sqlite::memory:`, `sqlite:path/to/file.db` or `mysql://user:password@host:port/database` (`mariadb:` is the same).
 * @throws DatabaseUrlError (`ERR_DATABASE_URL`)
 */
export function parseDatabaseUrl(input: string | Revealable): DatabaseUrl {
  const text = typeof input === 'string' ? input : input.reveal();
  // The URL parser would drop line breaks, also those in a password; a file would get them into its name.
  if (/\p{Cc}/u.test(text)) throw new DatabaseUrlError(withoutPassword(text), 'holds a control character');
  if (text.startsWith('sqlite:')) return parseSqlite(text);
  if (/^(mysql|mariadb):\/\//.test(text)) return parseMysql(text);
  throw new DatabaseUrlError(withoutPassword(text), 'does not start with sqlite:, mysql:// or mariadb://');
}

function parseSqlite(text: string): DatabaseUrl {
  const path = text.slice('sqlite:'.length);
  if (path === ':memory:') return { dialect: 'sqlite', shown: text, file: path };
  if (path === '' || path.startsWith('//') || path.includes('?')) {
    throw new DatabaseUrlError(withoutPassword(text), 'is not sqlite::memory:, sqlite:relative/file.db or sqlite:/absolute/file.db');
  }
  return { dialect: 'sqlite', shown: text, file: resolve(path) };
}

function parseMysql(text: string): DatabaseUrl {
  const shown = withoutPassword(text);
  const url = URL.parse(text);
  if (!url?.hostname) throw new DatabaseUrlError(shown, 'is not mysql://user:password@host:port/database');
  // The host of a scheme that the URL parser does not know is kept encoded: a path of a socket, letters outside of ASCII.
  if (url.hostname.includes('%') || url.port === '0') throw new DatabaseUrlError(shown, 'names a host or port that cannot be');
  if (url.search || url.hash) throw new DatabaseUrlError(shown, 'carries parameters, and none are known');
  try {
    const database = decodeURIComponent(url.pathname.slice(1));
    if (!database || database.includes('/')) {
      throw new DatabaseUrlError(shown, 'does not name one database after the host, as in mysql://host/app');
    }
    return {
      dialect: 'mysql',
      shown,
      // URL keeps the brackets of an IPv6 address.
      host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port ? Number(url.port) : 3306,
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      database,
    };
  } catch (error) {
    if (error instanceof URIError) throw new DatabaseUrlError(shown, 'has a % that is not followed by two hex digits');
    throw error;
  }
}

/**
 * Works on text that is no valid URL too: everything between the first colon after the user and the last @ goes, without a
 * known scheme the user as well; and parameters, among which others expect a password.
 */
function withoutPassword(text: string): string {
  const user = /^(?:mysql|mariadb):\/\/[^:@/]*(?=@|:.*@)/is.exec(text)?.[0];
  const rest = text.slice(text.lastIndexOf('@') + 1).replace(/[?#].*$/s, '?…');
  if (user !== undefined) return `${user}@${rest}`;
  const scheme = /^[^:@]*:(?:\/\/)?(?=.*@)/s.exec(text)?.[0];
  return scheme === undefined ? text.replace(/[?#].*$/s, '?…') : `${scheme}…@${rest}`;
}
