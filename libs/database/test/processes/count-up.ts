import { argv } from 'node:process';
import { openDatabase } from '@staddle/database';

// Adds 1 to the one counter `times` times, reading and writing in separate statements of one transaction.
const [url, times] = [argv[2]!, Number(argv[3])];
const database = openDatabase({ url, lockTimeoutMs: 30_000 });
for (let i = 0; i < times; i++) {
  await database.transaction<{ counter: { value: number } }, void>(async (trx) => {
    const { value } = await trx.selectFrom('counter').select('value').executeTakeFirstOrThrow();
    await trx.updateTable('counter').set({ value: value + 1 }).execute();
  });
  // A statement of its own finds the file busy as well.
  await database.query<{ visits: { pid: number } }>().insertInto('visits').values({ pid: process.pid }).execute();
}
await database.close();
console.log('done');
