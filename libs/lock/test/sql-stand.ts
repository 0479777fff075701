import { migrate, type Database } from '@staddle/database';
import type { AcquireRequest, LockDriver, LockKey, LockKind } from '@staddle/lock';
import { lockMigrations, sqlLockDriver, type SqlLockDriverOptions } from '@staddle/lock/sql';
import { testDatabase, type TestDatabase, type TestDialect } from '@staddle/testing';
import { onTestFinished } from 'vitest';
import type { LockTables } from '../src/drivers/sql-tables.ts';

export const TTL_MS = 60_000;

export interface SqlStand {
  readonly place: TestDatabase;
  readonly database: Database;
  readonly driver: LockDriver;
  /** A driver with connections of its own, as another process has them. */
  another(options?: SqlLockDriverOptions): LockDriver;
}

/** A fresh database with the tables of locks, dropped at the end of the test. */
export async function createSqlStand(dialect: TestDialect, { seenAs = (database: Database) => database, ...options }: Parameters<TestDatabase['open']>[0] & { readonly seenAs?: (database: Database) => Database } = {}): Promise<SqlStand> {
  const place = await testDatabase(dialect);
  onTestFinished(() => place.close());
  const database = seenAs(place.open(options));
  await migrate(database, [lockMigrations]);
  return { place, database, driver: sqlLockDriver(database), another: (driverOptions) => sqlLockDriver(seenAs(place.open(options)), driverOptions) };
}

/** The database as a program sees it whose transactions ask for repeatable read. */
export function atRepeatableRead(database: Database): Database {
  return { ...database, transaction: (run, options) => database.transaction(run, { ...options, isolationLevel: 'repeatable read' }) };
}

export function keyOf(name: string, kind: LockKind = 'mutex'): LockKey {
  return { kind, name };
}

export function request(key: LockKey, owner: string, changes: Partial<AcquireRequest> = {}): AcquireRequest {
  return { key, owner, ttlMs: TTL_MS, weight: 1, capacity: 1, queue: false, priority: 0, barge: false, fencing: true, reserve: 0, ...changes };
}

/** Acquires, and gives the fence. */
export async function hold(driver: LockDriver, key: LockKey, owner: string, changes: Partial<AcquireRequest> = {}): Promise<bigint> {
  const outcome = await driver.acquire(request(key, owner, changes));
  if (!outcome.acquired) throw new Error(`${owner} was refused; ${outcome.holder ?? 'nobody'} holds the lock`);
  return outcome.fence;
}

export async function refused(driver: LockDriver, key: LockKey, owner: string, changes: Partial<AcquireRequest> = {}): Promise<Extract<Awaited<ReturnType<LockDriver['acquire']>>, { acquired: false }>> {
  const outcome = await driver.acquire(request(key, owner, changes));
  if (outcome.acquired) throw new Error(`${owner} was not refused`);
  return outcome;
}

/** Lets the time of an owner be over, as if it had not been heard of for long. */
export async function silence(database: Database, owner: string): Promise<void> {
  await database.query<LockTables>().updateTable('lock_owner').set({ ends_at: 1 }).where('owner', '=', owner).execute();
}
