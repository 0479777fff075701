import { registerHooks } from 'node:module';
import { openDatabase } from '@staddle/database';

// As if mysql2 was not installed: SQLite works, and a MySQL URL says what is missing.
registerHooks({
  resolve(specifier, context, next) {
    if (specifier === 'mysql2') throw Object.assign(new Error("Cannot find package 'mysql2'"), { code: 'ERR_MODULE_NOT_FOUND' });
    return next(specifier, context);
  },
});

const sqlite = openDatabase({ url: 'sqlite::memory:' });
await sqlite.ping();
await sqlite.close();
console.log('sqlite works');
const mysql = openDatabase({ url: 'mysql://app:hunter2@127.0.0.1:1/main' });
await mysql.ping().catch((error: Error & { code: string }) => console.log(error.code, error.message));
