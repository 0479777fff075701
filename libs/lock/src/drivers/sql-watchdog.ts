import { openDatabase } from '@staddle/database';
import type { LockDriver } from '../driver.ts';
import { sqlLockDriver } from './sql.ts';

// A lease may end within seconds: a silent connection is given up early, and there is a second one meanwhile.
const STATEMENT_TIMEOUT_MS = 5_000;
const CONNECTIONS = 2;

/** Loaded by a worker thread that renews leases while the thread of their holder is busy. */
export function createWatchdogDriver({ url }: { readonly url: string }): Pick<LockDriver, 'renew'> & { close(): Promise<void> } {
  const database = openDatabase({ url, statementTimeoutMs: STATEMENT_TIMEOUT_MS, pool: { max: CONNECTIONS } });
  const { renew } = sqlLockDriver(database);
  return { renew, close: () => database.close() };
}
