import { sql, type RawBuilder, type Transaction } from 'kysely';
import { FlagsRollupError, RollupIsolationError, type DefinitionFault } from '../errors.ts';
import type { Word } from '../flags.ts';
import type { Rollup } from '../rollup.ts';
import { checkedLimit, quote, type SqlDialect } from '../sql.ts';
import { exactId, type RowId } from './row-id.ts';

/** Any Kysely transaction, whatever its tables. A plain Kysely instance is refused: its statements are not one transaction. */
export type AnyTransaction = Pick<Transaction<unknown>, 'isTransaction' | 'getExecutor'>;

/** Where the tree is: one table whose rows name their parent. */
export interface RollupTreeOptions<State extends string = string> {
  /** `mysql` also for MariaDB. A `Database` of @staddle/database knows its own. */
  readonly dialect: SqlDialect | { readonly dialect: SqlDialect };
  /** `task`, or `app.task`: the `withSchema` of Kysely does not reach it. */
  readonly table: string;
  readonly columns?: {
    /** Primary key. Default `id`. */
    readonly id?: string;
    /** Key of the parent, null for a root; needs an index. Default `parent_id`. */
    readonly parent?: string;
    /** Default `flags`. */
    readonly word?: string;
    /** Counts the changes of the word. Default: none is kept. */
    readonly version?: string;
    /** Number of children, with mode `counted`. Default `n_total`. */
    readonly total?: string;
    /** Number of children in each state, with mode `counted`. Default `n_running` for `Running`, `n_push_sent` for `PushSent`. */
    readonly counters?: { readonly [K in State]?: string };
  };
  /**
   * `counted`: each row has counters of its children, and a change costs the same however many there are.
   * `recomputed`: no further columns; each change of a child reads all children of its parent.
   */
  readonly mode: 'counted' | 'recomputed';
  /**
   * Says that the transactions are READ COMMITTED though their MySQL session is not, as with `setIsolationLevel` of Kysely,
   * which the server does not tell. Default: children are counted only if the session is READ COMMITTED or SERIALIZABLE.
   */
  readonly isolation?: 'read committed';
}

/** The children of one row. */
export interface Children {
  readonly total: number;
  /** In the order of the states. Adds up to `total` unless a counter is wrong or a child is in no single state. */
  readonly byState: readonly number[];
}

/** A row that this transaction has locked. */
export interface LockedRow<W> {
  readonly id: RowId;
  readonly parent: RowId | null;
  readonly word: W;
  /** What the counters say; undefined with mode `recomputed`. */
  readonly children: Children | undefined;
}

/** The statements of a roll-up, without any policy. */
export interface RollupRows<W> {
  /** The columns that mode `counted` adds to the table. */
  readonly ddl: readonly string[];
  /** Locks the row until the transaction ends. */
  lock(trx: AnyTransaction, id: RowId): Promise<LockedRow<W> | undefined>;
  /** The parent of a row without a lock; undefined for a row that does not exist. */
  parentOf(trx: AnyTransaction, id: RowId): Promise<RowId | null | undefined>;
  /** Counts the children by reading them. @throws RollupIsolationError (`ERR_FLAGS_ROLLUP_ISOLATION`) */
  countChildren(trx: AnyTransaction, id: RowId): Promise<Children>;
  /** Whether the row has children by now, whatever this transaction has read before. */
  hasChildren(trx: AnyTransaction, id: RowId): Promise<boolean>;
  /** Levels below the row, up to `atMost`. */
  height(trx: AnyTransaction, id: RowId, atMost: number): Promise<number>;
  /** Writes what differs from the locked row. */
  write(trx: AnyTransaction, row: LockedRow<W>, change: { readonly word?: W; readonly children?: Children | undefined; readonly parent?: RowId | null }): Promise<void>;
  remove(trx: AnyTransaction, id: RowId): Promise<void>;
  /** Rows in ascending order of the key that have children, or whose counters say so. */
  parents(trx: AnyTransaction, after: RowId | undefined, limit: number): Promise<RowId[]>;
}

// REPEATABLE READ, the default of MySQL, shows the children as they were at the first read of the transaction, and READ
// UNCOMMITTED as they may never be.
const COUNTING_LEVELS: readonly string[] = ['READ-COMMITTED', 'SERIALIZABLE'];

interface RawRow extends Record<string, unknown> {
  readonly parent: RowId | null;
  readonly word: unknown;
}

/** @throws FlagsRollupError (`ERR_FLAGS_ROLLUP`) when two columns have one name; FlagsIdentifierError (`ERR_FLAGS_IDENTIFIER`) for a name of a counter that is not plain */
export function rollupRows<Set extends string, State extends string, Value extends number | bigint>(
  rollup: Rollup<Set, State, Value>,
  options: RollupTreeOptions<State>,
): RollupRows<Word<Set, Value>> {
  const { table, columns = {}, mode } = options;
  const { id = 'id', parent = 'parent_id', word = 'flags', version, total = 'n_total', counters = {} } = columns;
  const states = rollup.states;
  const named = new Map<string, string | undefined>(Object.entries(counters));
  const counterNames = mode === 'counted' ? [total, ...states.map((state) => named.get(state) ?? counterName(state))] : [];
  checkColumns(rollup.set, [id, parent, word, ...(version === undefined ? [] : [version]), ...counterNames]);

  const mysql = (typeof options.dialect === 'string' ? options.dialect : options.dialect.dialect) === 'mysql';
  // SQLite locks the whole file for the transaction.
  const forUpdate = mysql ? sql` for update` : sql``;
  const [t, key, up, flags] = [sql.table(table), sql.id(id), sql.id(parent), sql.id(word)];
  // Words go in as literals and come out as text: mysql2 binds numbers as DOUBLE, and rounds integers beyond 2^53.
  const literal = (bits: Word<Set, Value>): RawBuilder<unknown> => sql.raw(String(bits));
  // MariaDB runs the first comment and MySQL the second: each has a name for it that the other lacks, or lacked.
  const level = mysql && options.isolation === undefined ? sql`/*M! @@tx_isolation */ /*!80000 @@transaction_isolation */` : sql`null`;
  // The aliases are single words, so that plugins which rename columns leave them alone.
  const storedCounters = sql.join([sql``, ...counterNames.map((name, at) => sql`${sql.id(name)} as ${sql.id(`c${at}`)}`)], sql`, `);
  const inState = states.map((state, at) => sql`count(case when (${flags} & ${literal(rollup.mask)}) = ${literal(rollup.bit[state])} then 1 end) as ${sql.id(`c${at + 1}`)}`);
  const childrenIn = (row: Readonly<Record<string, unknown>>): Children => ({ total: Number(row['c0']), byState: states.map((_, at) => Number(row[`c${at + 1}`])) });

  return {
    ddl: counterNames.map((name) => `alter table ${quote(rollup.set, table)} add column ${quote(rollup.set, name)} ${mysql ? 'int' : 'integer'} not null default 0`),

    async lock(trx, rowId) {
      const { rows } = await sql<RawRow>`select ${up} as parent, cast(${flags} as char) as word${storedCounters} from ${t} where ${key} = ${rowId}${forUpdate}`.execute(trx);
      const [row] = rows;
      return row && { id: exactId(rollup.set, rowId), parent: exactId(rollup.set, row.parent), word: rollup.read(row.word), children: mode === 'counted' ? childrenIn(row) : undefined };
    },

    async parentOf(trx, rowId) {
      const { rows } = await sql<RawRow>`select ${up} as parent from ${t} where ${key} = ${rowId}`.execute(trx);
      return exactId(rollup.set, rows[0]?.parent);
    },

    async hasChildren(trx, rowId) {
      const { rows } = await sql`select 1 as one from ${t} where ${up} = ${rowId} limit 1${forUpdate}`.execute(trx);
      return rows.length > 0;
    },

    async countChildren(trx, rowId) {
      // Not a locking read: it would wait for a sibling whose transaction waits for the parent.
      const { rows } = await sql<RawRow>`select count(*) as c0, ${sql.join(inState)}, ${level} as level from ${t} where ${up} = ${rowId}`.execute(trx);
      const session = rows[0]!['level'];
      if (typeof session === 'string' && !COUNTING_LEVELS.includes(session)) throw new RollupIsolationError(rollup.set, table, session);
      return childrenIn(rows[0]!);
    },

    async height(trx, rowId, atMost) {
      const { rows } = await sql<{ height: unknown }>`
        with recursive below (id, level) as (
          select ${key}, 0 from ${t} where ${key} = ${rowId}
          union all
          select child.${key}, below.level + 1 from ${t} as child join below on child.${up} = below.id where below.level < ${sql.lit(atMost)}
        ) select max(level) as height from below`.execute(trx);
      return Number(rows[0]!.height);
    },

    async write(trx, row, change) {
      const sets: RawBuilder<unknown>[] = [];
      if (change.parent !== undefined) sets.push(sql`${up} = ${change.parent}`);
      if (row.children !== undefined && change.children !== undefined) {
        const [before, after] = [row.children, change.children].map((children) => [children.total, ...children.byState]) as [number[], number[]];
        counterNames.forEach((name, at) => {
          if (before[at] !== after[at]) sets.push(sql`${sql.id(name)} = ${sql.lit(after[at]!)}`);
        });
      }
      if (change.word !== undefined && change.word !== row.word) {
        sets.push(sql`${flags} = ${literal(change.word)}`);
        if (version !== undefined) sets.push(sql`${sql.id(version)} = ${sql.id(version)} + 1`);
      }
      if (sets.length > 0) await sql`update ${t} set ${sql.join(sets)} where ${key} = ${row.id}`.execute(trx);
    },

    async remove(trx, rowId) {
      await sql`delete from ${t} where ${key} = ${rowId}`.execute(trx);
    },

    async parents(trx, after, limit) {
      const counted = counterNames.map((name) => sql`${t}.${sql.id(name)} <> 0`);
      const isParent = sql.join([sql`exists (select 1 from ${t} as child where child.${up} = ${t}.${key})`, ...counted], sql` or `);
      const beyond = after === undefined ? sql`` : sql`${t}.${key} > ${after} and `;
      const { rows } = await sql<{ id: RowId }>`select ${t}.${key} as id from ${t} where ${beyond}(${isParent}) order by ${t}.${key} limit ${sql.lit(checkedLimit(rollup.set, limit))}`.execute(trx);
      return rows.map((row) => exactId(rollup.set, row.id));
    },
  };
}

/** `n_push_sent` for `PushSent`. */
function counterName(state: string): string {
  return `n_${state
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll(/[.-]/g, '_')
    .toLowerCase()}`;
}

// Two states may come to one name (`Done` and `DONE`), and would be counted together.
function checkColumns(set: string, names: readonly string[]): void {
  const lower = names.map((name) => name.toLowerCase());
  const faults = names.flatMap((name, at): DefinitionFault[] => (lower.indexOf(lower[at]!) === at ? [] : [{ path: 'columns', value: name, rule: 'is the name of two columns' }]));
  if (faults.length > 0) throw new FlagsRollupError(set, faults);
}
