import { argv } from 'node:process';
import { openDatabase } from '@staddle/database';

// Has two idle connections and one that waits for an answer when SIGTERM comes.
const database = openDatabase({ url: argv[2]! });
await Promise.all([database.ping(), database.ping()]);
process.once('SIGTERM', () => {
  void database.ping({ timeoutMs: 60_000 }).catch(() => {});
  void database.close({ timeoutMs: 100 });
});
console.log('open');
setTimeout(() => {}, 1).ref();
await new Promise((resolve) => process.once('SIGTERM', resolve));
