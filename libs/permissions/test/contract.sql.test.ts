import { migrate } from '@staddle/database';
import { permissionMigrations, sqlStore } from '@staddle/permissions/sql';
import { describePermissionStore } from '@staddle/permissions/testing';
import { DIALECTS, testDatabase } from '@staddle/testing';

for (const dialect of DIALECTS) {
  describePermissionStore(`sql on ${dialect}`, async () => {
    const fresh = await testDatabase(dialect);
    const database = fresh.open();
    await migrate(database, [permissionMigrations]);
    return { open: () => sqlStore(database), close: () => fresh.close() };
  });
}
