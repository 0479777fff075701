import { CompiledQuery, type Kysely } from 'kysely';
import type { AnyFlagSet } from '../any-flag-set.ts';
import type { FlagsOf } from '../flags.ts';
import type { Legacy } from '../legacy.ts';
import type { AnyTransaction } from './rollup-rows.ts';
import { exactId, type RowId } from './row-id.ts';

/** Any Kysely instance or transaction, whatever its tables. */
export type AnyKysely = Pick<Kysely<unknown>, 'getExecutor' | 'executeQuery'>;

/** A text of the legacy column. */
export interface LegacyValue {
  /** As text, also what is none. */
  readonly value: string | null;
  /** Its bytes in UTF-8, which show what is invisible. */
  readonly hex: string | null;
  /** SQLite has numbers and blobs in a column of texts, and MySQL has bytes in a binary column that are no UTF-8. None is ever in the map. */
  readonly type: 'text' | 'null' | 'integer' | 'real' | 'blob';
}

export interface LegacyCount<W> extends LegacyValue {
  readonly rows: number;
  /** What the map says; undefined for a text that is not in it. */
  readonly word: W | undefined;
}

/** One chunk of the backfill. */
export interface LegacyChunk {
  /** Number of rows that got their word. */
  readonly mapped: number;
  /** The rows whose text is not in the map. They have no word. */
  readonly unmapped: readonly (LegacyValue & { readonly key: RowId })[];
  /** Where to go on; undefined when no row is left. */
  readonly last: RowId | undefined;
}

export interface LegacyMismatch<W> extends LegacyValue {
  readonly rows: number;
  /** The part of the word that the map decides. */
  readonly word: W;
  /** What the text stands for; undefined for a text that is not in the map. */
  readonly expected: W | undefined;
}

export interface LegacyVerification<W> {
  /** Every row has a word, and each word is what the map says of the text. */
  readonly ok: boolean;
  readonly rows: number;
  /** Rows without a word: not reached by the backfill, written by an old writer since, or not in the map. */
  readonly pending: number;
  /** Pairs that contradict each other, the mark of a writer of one column only. Which one is right is not guessed. */
  readonly mismatches: readonly LegacyMismatch<W>[];
}

/** Runs the statements of a {@link Legacy}: made by {@link legacyMigration}. */
export interface LegacyMigration<W> {
  /** Every text of the column with its number of rows: what the map has to say something about. */
  census(db: AnyKysely): Promise<LegacyCount<W>[]>;
  /**
   * Writes the words of the next `limit` (default 1000) rows after the key `after`. Each chunk is one short transaction;
   * after a crash start again, at the last chunk or from the beginning.
   */
  backfill(trx: AnyTransaction & AnyKysely, chunk?: { readonly after?: RowId | undefined; readonly limit?: number }): Promise<LegacyChunk>;
  /** Compares every word with its text. */
  verify(db: AnyKysely): Promise<LegacyVerification<W>>;
}

const CHUNK = 1000;

export function legacyMigration<Flags extends AnyFlagSet>(legacy: Legacy<Flags>): LegacyMigration<FlagsOf<Flags>> {
  const { flags, sql } = legacy;
  const wordOf = ({ type, value }: LegacyValue): FlagsOf<Flags> | undefined => (type === 'text' ? legacy.tryRead(value) : undefined);

  return {
    async census(db) {
      const rows = await query<LegacyValue & { n: unknown }>(db, sql.census);
      return rows.map((row) => ({ ...valueOf(row), rows: Number(row.n), word: wordOf(row) }));
    },

    async backfill(trx, { after, limit = CHUNK } = {}) {
      const start = after === undefined;
      const [chunk] = await query<{ last: RowId | null }>(trx, sql.chunk(limit, start ? 'start' : 'after'), start ? [] : [after]);
      const last = exactId(flags.name, chunk?.last ?? undefined);
      if (last === undefined) return { mapped: 0, unmapped: [], last };
      const place = start ? 'fromStart' : 'fromKey';
      const keys = start ? [last] : [after, last];
      const { numAffectedRows } = await trx.executeQuery(CompiledQuery.raw(sql.backfill[place], keys));
      const unmapped = await query<LegacyValue & { k: RowId }>(trx, sql.unmapped[place], keys);
      return { mapped: Number(numAffectedRows), unmapped: unmapped.map((row) => ({ key: exactId(flags.name, row.k), ...valueOf(row) })), last };
    },

    async verify(db) {
      const groups = await query<LegacyValue & { word: string; source: unknown; n: unknown }>(db, sql.verify);
      let rows = 0;
      let pending = 0;
      const mismatches: LegacyMismatch<FlagsOf<Flags>>[] = [];
      for (const group of groups) {
        const n = Number(group.n);
        const word = flags.fromBits(group.word, 'retain') as FlagsOf<Flags>;
        const expected = wordOf(group);
        rows += n;
        if (Number(group.source) === 0) pending += n;
        else if (word !== expected) mismatches.push({ ...valueOf(group), rows: n, word, expected });
      }
      return { ok: pending === 0 && mismatches.length === 0, rows, pending, mismatches };
    },
  };
}

function valueOf({ value, hex, type }: LegacyValue): LegacyValue {
  return { value, hex, type };
}

async function query<Row>(db: AnyKysely, text: string, parameters: readonly unknown[] = []): Promise<readonly Row[]> {
  const { rows } = await db.executeQuery<Row>(CompiledQuery.raw(text, [...parameters]));
  return rows;
}
