import { migrate } from '@staddle/database';
import { shortlinkMigrations, sqlLinkStore } from '@staddle/shortlink/sql';
import { describeLinkStore } from '@staddle/shortlink/testing';
import { DIALECTS, testDatabase } from '@staddle/testing';

for (const dialect of DIALECTS) {
  describeLinkStore(dialect, async () => {
    const fresh = await testDatabase(dialect);
    const database = fresh.open();
    await migrate(database, [shortlinkMigrations]);
    return { store: sqlLinkStore(database), close: () => fresh.close() };
  });
}
