import { contextFields, type Clock } from '@staddle/kernel';
import type { Database } from '@staddle/database';
import { nanoid } from 'nanoid';
import { assertContext, assertText, LENGTHS, storedChanges, type ChangeContext, type FieldChange, type StoredChange } from './change.ts';
import { AuditKeyError } from './errors.ts';
import { readHistory, type AuditHistory, type HistoryOptions } from './history.ts';
import { sqlAuditStore, type AnyTransaction, type ChangeTransaction, type Row, type RowUpdate } from './stores/sql.ts';

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
  /** Fields by entity or table whose values are stored as `sha256:…` only: `{ user: ['password_hash'] }`. */
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

export interface UpdateOptions<DB, Table extends keyof DB & string> extends ChangeContext, RowUpdate<DB, Table> {
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
  record<DB>(trx: ChangeTransaction<DB>, options: RecordOptions): Promise<string | undefined>;
  /**
   * Updates one row and records each column that is different afterwards. The row is locked from before its old values
   * are read. Returns the columns that changed, or undefined when there is no such row.
   * @throws as {@link Audit.record}, and AuditKeyError (`ERR_AUDIT_KEY`)
   */
  update<DB, Table extends keyof DB & string>(
    trx: ChangeTransaction<DB>,
    options: UpdateOptions<DB, Table>,
  ): Promise<readonly string[] | undefined>;
  /** What was done to one thing, newest first. */
  history(entity: string, entityId: string, options?: HistoryOptions): Promise<AuditHistory>;
}

/** The tables come from {@link auditMigrations}. */
export function createAudit({ database, clock, secretFields = {} }: AuditOptions): Audit {
  const store = sqlAuditStore(database, clock);
  const secretsOf = (...names: string[]): ReadonlySet<string> => new Set(names.flatMap((name) => secretFields[name] ?? []));

  const assertChange = (trx: AnyTransaction, options: RecordOptions): void => {
    store.assertTransaction(trx);
    assertContext(options);
    assertText('entity', options.entity, LENGTHS.entity);
    assertText('entityId', options.entityId, LENGTHS.entityId);
    assertText('action', options.action, LENGTHS.action);
  };

  const append = async (
    trx: AnyTransaction,
    options: RecordOptions,
    changes: readonly StoredChange[],
  ): Promise<string | undefined> => {
    if (changes.length === 0) return undefined;
    const { actor, reason, tenant = '', entity, entityId, action } = options;
    const batchId = nanoid();
    const common = {
      batch_id: batchId,
      tenant,
      actor_type: actor.type,
      actor_id: actor.id,
      action,
      entity,
      entity_id: entityId,
      reason: reason.trim(),
      request_id: String(contextFields().request_id ?? '').slice(0, LENGTHS.requestId),
    };
    await store.append(trx, changes.map((change) => ({ ...common, ...change })));
    return batchId;
  };

  return {
    async record<DB>(trx: ChangeTransaction<DB>, options: RecordOptions) {
      const own = trx as unknown as AnyTransaction;
      assertChange(own, options);
      const { entity, changes } = options;
      const actionOnly = [{ field: '', old_value: null, new_value: null }];
      return append(own, options, changes ? storedChanges(changes, secretsOf(entity)) : actionOnly);
    },

    async update<DB, Table extends keyof DB & string>(trx: ChangeTransaction<DB>, options: UpdateOptions<DB, Table>) {
      const own = trx as unknown as AnyTransaction;
      const { actor, reason, tenant, table, entity = table, action = 'update', ignore = [] } = options;
      const key = withoutUndefined(options.key);
      const patch = withoutUndefined(options.patch);
      const entityId = options.entityId ?? entityIdOf(table, key);
      const record: RecordOptions = { actor, reason, entity, entityId, action, ...(tenant === undefined ? {} : { tenant }) };
      assertChange(own, record);
      assertKey(table, key, patch);

      const row = await store.updateRow(own, table, key, patch);
      if (!row) return undefined;
      const fields = Object.keys(row.before).filter((field) => !(ignore as readonly string[]).includes(field));
      const changes = storedChanges(
        fields.map((field) => ({ field, from: row.before[field], to: row.after[field] })),
        // A secret column stays one under another name of the entity.
        secretsOf(entity, table),
      );
      await append(own, record, changes);
      return changes.map(({ field }) => field);
    },

    history: (entity, entityId, options = {}) => readHistory(store, entity, entityId, options),
  };
}

function assertKey(table: string, key: Row, patch: Row): void {
  if (Object.keys(key).length === 0) throw new AuditKeyError(table, 'names no column');
  const moved = Object.keys(key).find((column) => Object.hasOwn(patch, column));
  if (moved !== undefined) throw new AuditKeyError(table, `is changed by the patch, in column ${moved}`);
}

function entityIdOf(table: string, key: Row): string {
  const values = Object.values(key);
  if (values.length !== 1) throw new AuditKeyError(table, 'has not one column, so that entityId must be given');
  return String(values[0]);
}

function withoutUndefined(row: object): Row {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined));
}
