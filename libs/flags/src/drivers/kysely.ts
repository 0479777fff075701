import { sql, type AliasedExpression, type Expression, type ExpressionBuilder, type Kysely, type RawBuilder, type SqlBool, type Transaction, type UpdateObject } from 'kysely';
import type { AnyFlagSet } from '../any-flag-set.ts';
import { FlagsInputError } from '../errors.ts';
import type { FlagsOf } from '../flags.ts';
import type { Machine } from '../machine.ts';
import { changesText, conditionsOf, enabledText, nextText, type FlagConditions } from '../sql-text.ts';
import { transitionOf } from '../transition.ts';
import { exactId } from './row-id.ts';

export {
  legacyMigration,
  type AnyKysely,
  type LegacyChunk,
  type LegacyCount,
  type LegacyMigration,
  type LegacyMismatch,
  type LegacyValue,
  type LegacyVerification,
} from './kysely-legacy.ts';
export { MAX_ROLLUP_DEPTH, rollupTree, type ReconcileResult, type RollupChange, type RollupDrift, type RollupStep, type RollupTree } from './kysely-rollup.ts';
export { type AnyTransaction, type RollupTreeOptions } from './rollup-rows.ts';
export { type RowId } from './row-id.ts';

/*
 * Words in rows, through Kysely.
 *
 * `applyTransition` is one UPDATE with the masks of the event in its WHERE, never a read that a write relies on:
 *
 *   update t set flags = (flags & ~clear) | set, version = version + 1 where id = ? and (flags & care) = want
 *
 * The row is read after an UPDATE that found nothing, to say why, and on MySQL, which returns nothing from an UPDATE, in the
 * same transaction after one that did. An UPDATE is never sent to a row that it would leave as it is. So it does not
 * matter whether the client counts the rows that were found or those that were changed.
 */

/** What stands for the column in a text. No mask, name or operator has it. */
const COLUMN = '?';

/** The conditions of `sqlOf` as Kysely expressions; columns are references of Kysely, so `withSchema` and plugins see them. */
export function kyselyFlags<Flags extends AnyFlagSet>(flags: Flags): FlagConditions<Flags, RawBuilder<SqlBool>> {
  const text = conditionsOf(flags, () => COLUMN);
  const conditions: FlagConditions<AnyFlagSet, RawBuilder<SqlBool>> = {
    hasAll: (column, ...names) => expression(column, text.hasAll(column, ...names)),
    hasAny: (column, ...names) => expression(column, text.hasAny(column, ...names)),
    hasNone: (column, ...names) => expression(column, text.hasNone(column, ...names)),
    which: (column, group, member) => expression(column, text.which(column, group, member)),
    equals: (column, word) => expression(column, text.equals(column, word)),
  };
  return conditions as never;
}

/** The two halves of the UPDATE of an event, for one that does more: `update.set({ state: set, … }).where(where)`. */
export interface TransitionExpressions<W> {
  /** True for rows whose word allows the event. */
  readonly where: RawBuilder<SqlBool>;
  /** The word after the event. MySQL assigns in the order of writing: later assignments see the new word. */
  readonly set: RawBuilder<W>;
}

/** A guard of the event is not in it. @throws UnknownFlagError (`ERR_FLAGS_UNKNOWN`) for an event that does not exist */
export function kyselyTransition<Flags extends AnyFlagSet, Event extends string>(
  machine: Pick<Machine<Flags, Event, never>, 'flags' | 'transitions'>,
  event: Event,
  column: string,
): TransitionExpressions<FlagsOf<Flags>> {
  const transition = transitionOf(machine, event);
  return { where: expression(column, enabledText(COLUMN, transition)), set: expression(column, nextText(COLUMN, transition)) };
}

/**
 * A word as decimal text, for `select` and {@link FlagSet.fromBits}. Words of bigint have to be read by it: clients round
 * integers beyond 2^53, or refuse them.
 */
export function wordText(column: string): RawBuilder<string> {
  // A type name with CHAR in it is text on SQLite.
  return sql<string>`cast(${sql.ref(column)} as char)`;
}

/** What became of an event of a row. */
export type AppliedTransition<W> =
  | { readonly ok: true; readonly changed: boolean; readonly value: W; readonly version: number | undefined }
  /**
   * `precondition`: no source of the event matches. `guard`: the guard said no. `conflict`: another change came first (the
   * version is not the expected one, or the word allows the event by now), or `extraWhere` does not hold.
   */
  | { readonly ok: false; readonly reason: 'precondition' | 'guard' | 'conflict'; readonly current: W; readonly version: number | undefined }
  | { readonly ok: false; readonly reason: 'not_found' };

/** `context` is what the guard of the event gets; a machine without a context needs none. */
export type ApplyTransitionOptions<DB, Table extends keyof DB & string, Flags extends AnyFlagSet, Event extends string, Context> = RowTransition<DB, Table, Flags, Event, Context> &
  (undefined extends Context ? { readonly context?: Context } : { readonly context: Context });

interface RowTransition<DB, Table extends keyof DB & string, Flags extends AnyFlagSet, Event extends string, Context> {
  readonly machine: Machine<Flags, Event, Context>;
  readonly event: Event;
  readonly table: Table;
  /** The columns of a unique key, with the values of one row. */
  readonly key: { readonly [Column in keyof DB[Table] & string]?: string | number | bigint };
  /** The column of words. */
  readonly column: keyof DB[Table] & string;
  /** A column that counts the changes of the word. With `expect`, a row at another version is a conflict, also for a repetition. */
  readonly version?: { readonly column: keyof DB[Table] & string; readonly expect?: number };
  /** A condition that has to hold together with the flags, such as a fence. */
  readonly extraWhere?: (eb: ExpressionBuilder<DB, Table>) => Expression<SqlBool>;
  /** Further columns to write when the word changes. They see the word before the event. */
  readonly set?: UpdateObject<DB, Table>;
  /** Called in the transaction of a change, and not of a repetition. What it writes is committed with the change. */
  readonly onApplied?: (trx: Transaction<DB>, applied: { readonly value: FlagsOf<Flags>; readonly version: number | undefined }) => Promise<void>;
}

interface StoredWord<W> {
  readonly value: W;
  readonly version: number | undefined;
}

/**
 * Carries out an event of a row. Of two callers one wins; the other is told what it met. In a transaction of one's own
 * pass that; otherwise one is made where it is needed.
 * @throws UnknownFlagError (`ERR_FLAGS_UNKNOWN`) for an event that does not exist; FlagsInputError (`ERR_FLAGS_INPUT`) for an
 *   empty key or one of several rows, and for a stored word or version that is none. On SQLite without a transaction such rows
 *   have then been written.
 */
export async function applyTransition<DB, Table extends keyof DB & string, Flags extends AnyFlagSet, Event extends string, Context>(
  // Named twice, because TypeScript guesses wrong tables for a Transaction where a Kysely is asked for.
  db: Kysely<DB> | Transaction<DB>,
  options: ApplyTransitionOptions<DB, Table, Flags, Event, Context>,
): Promise<AppliedTransition<FlagsOf<Flags>>> {
  const returning = db.getExecutor().adapter.supportsReturning === true;
  if (db.isTransaction || (returning && !options.onApplied)) return attempt(db, options, returning);
  return db.transaction().execute((trx) => attempt(trx, options, returning));
}

// Inside, tables and columns are strings.
type Rows = Record<string, Record<string, unknown>>;

interface StoredRow<W> {
  /** What is read of it. */
  readonly columns: readonly AliasedExpression<unknown, string>[];
  isRow(eb: ExpressionBuilder<Rows, string>): Expression<SqlBool>;
  /** The one row that was found; undefined when there is none. */
  only(found: readonly Record<string, unknown>[]): Record<string, unknown> | undefined;
  read(row: Record<string, unknown>): StoredWord<W>;
}

/** How the row of a key is found and read. All throw FlagsInputError (`ERR_FLAGS_INPUT`). */
function storedRow<Flags extends AnyFlagSet>(flags: Flags, key: Readonly<Record<string, unknown>>, word: string, version: string | undefined): StoredRow<FlagsOf<Flags>> {
  const refuse = (value: unknown, rule: string): never => {
    throw new FlagsInputError(flags.name, value, rule);
  };
  const values = Object.values(key).map((value) => exactId(flags.name, value));
  // Kysely leaves out a column without a value, and makes IS NULL of null: other rows would match.
  if (values.length === 0 || values.some((value) => value == null)) refuse(key, 'the key of a row has columns, and a value for each');
  const readVersion = (raw: unknown): number => {
    const count = Number(raw);
    return raw !== null && Number.isSafeInteger(count) ? count : refuse(raw, `column ${version} does not count versions`);
  };
  return {
    columns: [(flags.backend === 'bigint' ? wordText(word) : sql.ref(word)).as('word'), (version === undefined ? sql.lit(null) : sql.ref(version)).as('version')],
    isRow: (eb) => eb.and(key as Record<string, string | number | bigint>),
    only: (found) => (found.length > 1 ? refuse(key, `the key is of ${found.length} rows`) : found[0]),
    read: (row) => ({ value: flags.fromBits(row['word'], 'retain') as FlagsOf<Flags>, version: version === undefined ? undefined : readVersion(row['version']) }),
  };
}

async function attempt<DB, Table extends keyof DB & string, Flags extends AnyFlagSet, Event extends string, Context>(
  db: Kysely<DB>,
  options: ApplyTransitionOptions<DB, Table, Flags, Event, Context>,
  returning: boolean,
): Promise<AppliedTransition<FlagsOf<Flags>>> {
  type W = FlagsOf<Flags>;
  const { machine, event, column, key, onApplied } = options;
  const context = options.context as Context;
  const table: string = options.table;
  const versionColumn: string | undefined = options.version?.column;
  const expected = options.version?.expect;
  const { columns, isRow, only, read } = storedRow(machine.flags, key, column, versionColumn);
  const rows = db as unknown as Kysely<Rows>;
  const extraWhere = options.extraWhere as ((eb: ExpressionBuilder<Rows, string>) => Expression<SqlBool>) | undefined;

  const write = async (): Promise<StoredWord<W> | undefined> => {
    const { where, set } = kyselyTransition(machine, event, column);
    const changes = changesText(COLUMN, transitionOf(machine, event));
    let update = rows
      .updateTable(table)
      // First what is further, so that on MySQL, too, it sees the word before the event.
      .set({ ...(options.set as Record<string, unknown> | undefined), [column]: set, ...(versionColumn === undefined ? {} : { [versionColumn]: sql`${sql.ref(versionColumn)} + 1` }) })
      .where(isRow)
      .where(where);
    if (changes !== undefined) update = update.where(expression<SqlBool>(column, changes));
    if (versionColumn !== undefined && expected !== undefined) update = update.where(versionColumn, '=', expected);
    if (extraWhere) update = update.where(extraWhere);
    if (returning) {
      const row = only(await update.returning(columns).execute());
      return row && read(row);
    }
    const { numUpdatedRows } = await update.executeTakeFirstOrThrow();
    if (numUpdatedRows === 0n) return undefined;
    const row = only(await rows.selectFrom(table).select(columns).where(isRow).execute());
    if (!row) throw new FlagsInputError(machine.flags.name, key, 'the row has another key since this change');
    return read(row);
  };

  const explain = async (): Promise<AppliedTransition<W>> => {
    const holds = (eb: ExpressionBuilder<Rows, string>) => (extraWhere ? sql<number>`case when ${extraWhere(eb)} then 1 else 0 end` : sql.lit(1)).as('holds');
    const query = rows.selectFrom(table).select(columns).select(holds).where(isRow);
    // The newest row, which a transaction that has read before does not see without a lock on MySQL.
    const row = only(await (returning ? query : query.forUpdate()).execute());
    if (!row) return { ok: false, reason: 'not_found' };
    const { value: current, version } = read(row);
    if ((expected !== undefined && version !== expected) || Number(row['holds']) !== 1) return { ok: false, reason: 'conflict', current, version };
    const judged = machine.apply(current, event, context);
    if (!judged.ok) return { ok: false, reason: judged.reason, current, version };
    // The word allows the event, and did not when the UPDATE looked at it.
    if (judged.changed) return { ok: false, reason: 'conflict', current, version };
    return { ok: true, changed: false, value: current, version };
  };

  const applied = machine.allows(event, context) ? await write() : undefined;
  if (!applied) return explain();
  await onApplied?.(db as Transaction<DB>, applied);
  return { ok: true, changed: true, ...applied };
}

function expression<T>(column: string, text: string): RawBuilder<T> {
  const parts = text.split(COLUMN).map((part) => sql.raw(part));
  return sql.join<T>(parts, sql.ref(column));
}
