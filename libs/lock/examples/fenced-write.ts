import { openDatabase } from '@staddle/database';
import { createLocks } from '@staddle/lock';
import { memoryLockDriver } from '@staddle/lock/memory';
import { fencedUpdate } from '@staddle/lock/sql';
import { sql } from 'kysely';

const database = openDatabase({ url: 'sqlite::memory:' });
const db = database.query<{ account: { id: number; balance: number; fence: bigint } }>();
await sql`create table account (id integer primary key, balance integer not null, fence integer not null default 0)`.execute(db);
await db.insertInto('account').values({ id: 7, balance: 100, fence: 0n }).execute();

const locks = createLocks({ driver: memoryLockDriver() });
const slow = await locks.acquire('account 7', { ttlMs: 20, renew: false }); // and then its process stands still
await locks.using('account 7', {}, async (lease) => {
  await fencedUpdate(db.updateTable('account').set({ balance: 80 }).where('id', '=', 7), { column: 'fence', lease });
});

const late = fencedUpdate(db.updateTable('account').set({ balance: 90 }).where('id', '=', 7), { column: 'fence', lease: slow });
await late.catch(({ code }: { code: string }) => console.log(code));
const { balance } = await db.selectFrom('account').select('balance').executeTakeFirstOrThrow();
console.log(`balance ${balance}`);
await locks.close();
await database.close();
