import { auditMigrations, createAudit } from '@staddle/audit';
import { columns, createTable, migrate, openDatabase } from '@staddle/database';

interface ShopTables {
  product: { uid: string; price: number; stock: number };
}
const database = openDatabase({ url: 'sqlite::memory:' });
await migrate(database, [auditMigrations]);
const { asciiKey, integer } = columns(database);
await createTable(database.query(), database, 'product')
  .addColumn('uid', asciiKey(21), (column) => column.primaryKey())
  .addColumn('price', integer, (column) => column.notNull())
  .addColumn('stock', integer, (column) => column.notNull())
  .execute();
await database.query<ShopTables>().insertInto('product').values({ uid: 'tea', price: 300, stock: 7 }).execute();

const audit = createAudit({ database });
const changed = await database.transaction<ShopTables, readonly string[] | undefined>((trx) =>
  audit.update(trx, {
    table: 'product',
    key: { uid: 'tea' },
    patch: { price: 350, stock: 7 },
    actor: { type: 'user', id: 'alice' },
    reason: 'supplier raised prices, ticket 4711',
  }),
);
console.log(changed); // [ 'price' ]

const { items } = await audit.history('product', 'tea');
for (const { actor, field, from, to, reason } of items) console.log(`${actor.id}: ${field} ${from} -> ${to}: ${reason}`);
// alice: price 300 -> 350: supplier raised prices, ticket 4711
await database.close();
