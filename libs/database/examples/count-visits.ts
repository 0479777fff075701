import { columns, createTable, migrate, openDatabase, upsert, type MigrationSet } from '@staddle/database';

const visits: MigrationSet = {
  library: 'visits',
  migrations: [
    {
      name: '001-create-visit',
      async up(db, dialect) {
        const { asciiKey, integer } = columns(dialect);
        await createTable(db, dialect, 'visits_visit')
          .addColumn('page', asciiKey(100), (column) => column.primaryKey())
          .addColumn('count', integer, (column) => column.notNull())
          .execute();
      },
    },
  ],
};
interface VisitTables {
  visits_visit: { page: string; count: number };
}

const database = openDatabase({ url: 'sqlite::memory:' }); // or mysql://user:password@host:3306/app
console.log((await migrate(database, [visits])).applied); // [ 'visits/001-create-visit' ]

const count = await database.transaction<VisitTables, number>(async (trx) => {
  const visit = trx.insertInto('visits_visit').values({ page: '/', count: 1 });
  await upsert(database, visit, { key: ['page'], add: ['count'] }).execute();
  const row = await trx.selectFrom('visits_visit').select('count').where('page', '=', '/').executeTakeFirstOrThrow();
  return row.count;
});
console.log(count); // 1
await database.close();
