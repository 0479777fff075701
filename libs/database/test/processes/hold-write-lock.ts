import { argv } from 'node:process';
import { openDatabase } from '@staddle/database';

// Holds SQLite's write lock from the line "held" until it is killed.
const database = openDatabase({ url: argv[2]! });
await database.transaction(async () => {
  console.log('held');
  await new Promise(() => setInterval(() => {}, 60_000));
});
