import { contextFields, type Clock } from '@staddle/kernel';
import { forUpdate, storeNow, type Database } from '@staddle/database';
import type { Expression, Kysely, Selectable, Transaction, Updateable } from 'kysely';
import { nanoid } from 'nanoid';
import { assertContext, assertText, storedChanges, type ChangeContext, type FieldChange, type StoredChange } from './change.ts';
import { AuditKeyError, AuditTransactionError } from './errors.ts';
import { readHistory, type AuditHistory, type HistoryOptions } from './history.ts';
import { LENGTHS, type AuditTables } from './tables.ts';

/*
 * The record of who changed which field of what, when and why.
 *
 * 1. A record is written in the transaction of the change: both are there, or neither.
 * 2. Nothing is written, neither change nor record, without an actor and a reason.
 * 3. One row per field whose value is different afterwards; none for a field that was set to what it was.
 * 4. Rows are only added. Those of one change have a batch id and an instant in common; the instant is the store's.
 * 5. Values of secret fields are stored as hashes only.
 */

export interface AuditOptions {
  readonly database: Database;
  /** Takes the instants from here instead of the store's clock: for tests. */
  readonly clock?: Clock;
  /** Fields by entity whose values are stored as `sha256:…` only: `{ user: ['password_hash'] }`. */
  readonly secretFields?: Readonly<Record<string, readonly string[]>>;
}

export interface RecordOptions extends ChangeContext {
  /** Kind of thing, usually its table. */
  readonly entity: string;
  /** Its public id. */
  readonly entityId: string;
  /** What was done: `create`, `update`, `pause`. */
  readonly action: string;
  /** Leave out to record the action as such, in one row without a field. */
  readonly changes?: readonly FieldChange[];
}

export interface UpdateOptions<DB, Table extends keyof DB & string> extends ChangeContext {
  readonly table: Table;
  /** Columns that identify one row. */
  readonly key: Partial<Selectable<DB[Table]>>;
  /** New values, or expressions of Kysely that compute them. */
  readonly patch: { readonly [Column in keyof Updateable<DB[Table]>]?: Updateable<DB[Table]>[Column] | Expression<unknown> };
  /** Default: the table. */
  readonly entity?: string;
  /** Default: the value of a key of one column. */
  readonly entityId?: string;
  /** Default `update`. */
  readonly action?: string;
  /** Columns that change with every update and say nothing, such as `updated_at` and `version`. */
  readonly ignore?: readonly (keyof DB[Table] & string)[];
}

export interface Audit {
  /**
   * Records what was done to one thing, and returns the batch id; undefined when `changes` holds no change.
   * Throws before anything is written:
   * @throws AuditActorError (`ERR_AUDIT_ACTOR`)
   * @throws AuditReasonError (`ERR_AUDIT_REASON`)
   * @throws AuditInputError (`ERR_AUDIT_INPUT`)
   * @throws AuditTransactionError (`ERR_AUDIT_TRANSACTION`)
   */
  record<DB>(trx: Transaction<DB>, options: RecordOptions): Promise<string | undefined>;
  /**
   * Updates one row and records each column that is different afterwards. The row is locked from before its old values
   * are read. Returns the columns that changed, or undefined when there is no such row.
   * @throws as {@link Audit.record}, and AuditKeyError (`ERR_AUDIT_KEY`)
   */
  update<DB, Table extends keyof DB & string>(
    trx: Transaction<DB>,
    options: UpdateOptions<DB, Table>,
  ): Promise<readonly string[] | undefined>;
  /** What was done to one thing, newest first. */
  history(entity: string, entityId: string, options?: HistoryOptions): Promise<AuditHistory>;
}

type Row = Readonly<Record<string, unknown>>;
// A table that is known by name only: the caller's types were checked at `update`.
type AnyTables = Record<string, Record<string, unknown>>;

/** The tables come from {@link auditMigrations}. */
export function createAudit({ database, clock, secretFields = {} }: AuditOptions): Audit {
  const secrets = new Map(Object.entries(secretFields).map(([entity, fields]) => [entity, new Set(fields)]));

  const changesOf = (entity: string, changes: readonly FieldChange[]): StoredChange[] =>
    storedChanges(changes, secrets.get(entity) ?? new Set());

  const write = async (trx: Kysely<AuditTables>, options: RecordOptions, changes: readonly StoredChange[]): Promise<string | undefined> => {
    if (changes.length === 0) return undefined;
    const { actor, reason, tenant = '', entity, entityId, action } = options;
    const common = {
      batch_id: nanoid(),
      tenant,
      at: clock ? clock.now() : storeNow(database),
      actor_type: actor.type,
      actor_id: actor.id,
      action,
      entity,
      entity_id: entityId,
      reason: reason.trim(),
      request_id: String(contextFields().request_id ?? '').slice(0, LENGTHS.requestId),
    };
    // One statement, hence one instant.
    await trx.insertInto('audit_log').values(changes.map((change) => ({ ...common, ...change }))).execute();
    return common.batch_id;
  };

  return {
    async record(trx, options) {
      assertChange(trx, options);
      const { entity, changes } = options;
      const stored = changes ? changesOf(entity, changes) : [{ field: '', old_value: null, new_value: null }];
      return write(trx as unknown as Kysely<AuditTables>, options, stored);
    },

    async update(trx, options) {
      const table: string = options.table;
      const { actor, reason, tenant, entity = table, action = 'update', ignore = [] } = options;
      const key = withoutUndefined(options.key);
      const patch = withoutUndefined(options.patch);
      const entityId = options.entityId ?? entityIdOf(table, key);
      const record: RecordOptions = { actor, reason, entity, entityId, action, ...(tenant === undefined ? {} : { tenant }) };
      assertChange(trx, record);
      assertKey(table, key, patch);

      const rows = trx as unknown as Kysely<AnyTables>;
      const before = await rowByKey(database, rows, table, key);
      if (!before) return undefined;
      if (Object.keys(patch).length === 0) return [];
      let update = rows.updateTable(table).set(patch);
      for (const [column, value] of Object.entries(key)) update = update.where(column, '=', value);
      await update.execute();

      // Read again: what counts is what is stored, through expressions, triggers and conversions.
      const after = (await rowByKey(database, rows, table, key)) ?? {};
      const fields = Object.keys(before).filter((field) => !(ignore as readonly string[]).includes(field));
      const changes = changesOf(entity, fields.map((field) => ({ field, from: before[field], to: after[field] })));
      await write(trx as unknown as Kysely<AuditTables>, record, changes);
      return changes.map(({ field }) => field);
    },

    history: (entity, entityId, options = {}) => readHistory(database, entity, entityId, options),
  };
}

function assertChange(trx: { readonly isTransaction: boolean }, options: RecordOptions): void {
  if (!trx.isTransaction) throw new AuditTransactionError();
  assertContext(options);
  assertText('entity', options.entity, LENGTHS.entity);
  assertText('entityId', options.entityId, LENGTHS.entityId);
  assertText('action', options.action, LENGTHS.action);
}

function assertKey(table: string, key: Row, patch: Row): void {
  if (Object.keys(key).length === 0) throw new AuditKeyError(table, 'names no column');
  const moved = Object.keys(key).find((column) => Object.hasOwn(patch, column));
  if (moved !== undefined) throw new AuditKeyError(table, `is changed by the patch, in column ${moved}`);
}

async function rowByKey(database: Database, db: Kysely<AnyTables>, table: string, key: Row): Promise<Row | undefined> {
  let query = db.selectFrom(table).selectAll().limit(2);
  for (const [column, value] of Object.entries(key)) query = query.where(column, '=', value);
  const rows = await forUpdate(database, query).execute();
  if (rows.length > 1) throw new AuditKeyError(table, `(${Object.keys(key).join(', ')}) matches several rows`);
  return rows[0];
}

function entityIdOf(table: string, key: Row): string {
  const values = Object.values(key);
  if (values.length !== 1) throw new AuditKeyError(table, 'has not one column, so that entityId must be given');
  return String(values[0]);
}

function withoutUndefined(row: object): Row {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined));
}
