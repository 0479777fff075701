import type { AnyFlagSet } from './any-flag-set.ts';
import { FlagsInputError, FlagsLegacyError, type DefinitionFault } from './errors.ts';
import type { FlagName, FlagsOf } from './flags.ts';
import { checkedLimit, quote, sqlOf, type SqlDialect } from './sql.ts';

/*
 * The way of a table from a column of texts that stand for states (`'0'`, `'1'`, `'10'`) to a column of words.
 *
 * Invariants
 * 1. A text is looked up exactly, byte for byte: `'1'` is neither `' 1'` nor `'01'` nor the number 1, whatever the collation
 *    of the column says.
 * 2. A row whose text is not in the map is listed and left alone. Nobody guesses.
 * 3. `source` says who wrote the word of a row: 0 nobody yet, 1 the backfill or a writer of both columns. The backfill
 *    touches rows with 0 only and leaves 1 behind, in one statement. So it may stop anywhere and start again anywhere, and
 *    a writer of both columns never loses to it. A writer of the text alone leaves a word behind that is out of date.
 * 4. The map owns the groups and flags that it names. All other bits of a word stay as they are.
 */

/** The second argument of {@link legacyOf}. */
export interface LegacySpec<Name extends string = string> {
  readonly dialect: SqlDialect;
  readonly table: string;
  /** Primary key of one column. Default `id`. */
  readonly key?: string;
  /** The column of texts. */
  readonly column: string;
  /** The new column of words. Default `flags`. */
  readonly word?: string;
  /** The new column that says whether the word is written. Default `flags_src`. */
  readonly source?: string;
  /**
   * The flags that each text stands for. When several stand for the same, {@link Legacy.write} takes the first: keys that are
   * whole numbers come before the others, in ascending order.
   */
  readonly map: Readonly<Record<string, readonly Name[]>>;
}

/** A legacy column beside a column of words: made by {@link legacyOf}. */
export interface Legacy<Flags extends AnyFlagSet> {
  readonly flags: Flags;
  readonly dialect: SqlDialect;
  /** Every bit that the map decides. */
  readonly owned: FlagsOf<Flags>;
  /** The word of a text; undefined for one that is not in the map, and for what is no text. */
  tryRead(text: unknown): FlagsOf<Flags> | undefined;
  /** @throws FlagsInputError (`ERR_FLAGS_INPUT`) for what {@link Legacy.tryRead} does not know */
  read(text: unknown): FlagsOf<Flags>;
  /** The text of a word. @throws FlagsInputError (`ERR_FLAGS_INPUT`) for a state that the old column has no text for */
  write(word: FlagsOf<Flags>): string;
  /** The three columns of a row with this word, for an INSERT or an UPDATE. @throws as {@link Legacy.write} */
  columns(word: FlagsOf<Flags>): Record<string, string | FlagsOf<Flags> | number>;
  readonly sql: LegacySql;
}

/** The statements of a migration. A `?` is a parameter. */
export interface LegacySql {
  /** Adds the two columns. */
  readonly ddl: readonly string[];
  /** Each text with its number of rows (`value`, `hex`, `type`, `n`). Reads the whole table. */
  readonly census: string;
  /** The key (`last`) that ends a chunk of the next `limit` rows, from the start or after the key `?`. */
  chunk(limit: number, from: 'start' | 'after'): string;
  /** Forgets who has written words, so that a backfill takes all of them from the texts again. */
  readonly reset: string;
  /** Writes the words of one chunk; the conditions on its keys are `fromStart` or `fromKey`. */
  readonly backfill: { readonly fromStart: string; readonly fromKey: string };
  /** The rows of a chunk (`k`, `value`, `hex`, `type`) whose text is not in the map. */
  readonly unmapped: { readonly fromStart: string; readonly fromKey: string };
  /**
   * What an UPDATE sets to write both columns at once: `update t set ${assign(next)} where …`, with `next` an expression
   * for the word. The text of a state that has none is NULL, which a column that is NOT NULL refuses.
   */
  assign(next: string): string;
  /** The text alone, for the `set` of `applyTransition`. */
  text(next: string): string;
  /** Each pair of text and word with its number of rows (`value`, `hex`, `type`, `word`, `source`, `n`). Reads the whole table. */
  readonly verify: string;
}

/**
 * Plans the migration of a column of texts to a column of words.
 * @throws FlagsLegacyError (`ERR_FLAGS_LEGACY`) with all faults of the map; FlagsIdentifierError (`ERR_FLAGS_IDENTIFIER`)
 *   for a table or column that is no plain name
 */
export function legacyOf<Flags extends AnyFlagSet>(flags: Flags, spec: LegacySpec<NoInfer<FlagName<Flags>>>): Legacy<Flags> {
  const { dialect, table, key = 'id', column, word = 'flags', source = 'flags_src', map } = spec;
  const wordOf = readMap(flags, map, [key, column, word, source]);
  const owned = ownedBits(flags, [...wordOf.values()]);
  const textOf = new Map<AnyWord, string>();
  for (const [text, of] of wordOf) if (!textOf.has(of)) textOf.set(of, text);

  const tryRead = (text: unknown): AnyWord | undefined => (typeof text === 'string' ? wordOf.get(text) : undefined);
  const refuse = (value: unknown, rule: string): never => {
    throw new FlagsInputError(flags.name, value, rule);
  };
  const write = (of: AnyWord): string => textOf.get(flags.intersection(of, owned)) ?? refuse(of, `the legacy column ${table}.${column} has no text for it`);

  const [t, k, c, w, s] = [table, key, column, word, source].map((name) => quote(flags.name, name)) as [string, string, string, string, string];
  const { exact, hex, type, value, literal } = textsIn(dialect, c);
  const texts = [...wordOf.keys()].map(literal).join(', ');
  const read = `case ${exact} ${[...wordOf].map(([text, of]) => `when ${literal(text)} then ${of}`).join(' ')} end`;
  const inChunk = (condition: string): { fromStart: string; fromKey: string } => ({
    fromStart: `${condition} and ${k} <= ?`,
    fromKey: `${condition} and ${k} > ? and ${k} <= ?`,
  });
  const columns = `${value} as value, ${hex} as hex, ${type} as type`;

  const written = [...textOf].map(([of, text]) => `when ${of} then ${literal(text)}`).join(' ');
  const textFor = (next: string): string => `case ((${next}) & ${owned}) ${written} end`;

  const legacy: Legacy<AnyFlagSet> = {
    flags,
    dialect,
    owned,
    tryRead,
    read: (text) => tryRead(text) ?? refuse(text, `it is no text of the legacy column ${table}.${column}`),
    write,
    columns: (of) => ({ [column]: write(of), [word]: of, [source]: 1 }),
    sql: {
      ddl: addColumns(dialect, t, [sqlOf(flags).ddl.column(word, { dialect }), `${s} ${dialect === 'mysql' ? 'tinyint unsigned' : 'integer'} not null default 0`]),
      census: `select min(value) as value, hex, type, count(*) as n from (select ${columns} from ${t}) as texts group by hex, type order by type, hex`,
      chunk: (limit, from) => `select max(k) as last from (select ${k} as k from ${t} ${from === 'after' ? `where ${k} > ? ` : ''}order by ${k} limit ${checkedLimit(flags.name, limit)}) as chunk`,
      reset: `update ${t} set ${s} = 0 where ${s} <> 0`,
      backfill: inChunk(`update ${t} set ${w} = (${w} & ~${owned}) | ${read}, ${s} = 1 where ${s} = 0 and ${exact} in (${texts})`),
      unmapped: inChunk(`select ${k} as k, ${columns} from ${t} where ${s} = 0 and (${exact} is null or ${exact} not in (${texts}))`),
      // The text first: MySQL assigns in the order of writing, and `next` means the word as it was.
      assign: (next) => `${c} = ${textFor(next)}, ${w} = ${next}, ${s} = 1`,
      text: textFor,
      verify: `select min(value) as value, hex, type, word, source, count(*) as n from (select ${columns}, cast((${w} & ${owned}) as char) as word, ${s} as source from ${t}) as pairs group by hex, type, word, source order by type, hex, word, source`,
    },
  };
  return Object.freeze(legacy) as never;
}

type AnyWord = AnyFlagSet['none'];

function readMap(flags: AnyFlagSet, map: Readonly<Record<string, readonly string[]>>, columns: readonly string[]): Map<string, AnyWord> {
  const faults: DefinitionFault[] = [];
  const words = new Map<string, AnyWord>();
  columns.forEach((column, at) => {
    if (columns.indexOf(column) !== at) faults.push({ path: 'columns', value: column, rule: 'is the name of two columns' });
  });
  if (Object.keys(map).length === 0) faults.push({ path: 'map', value: map, rule: 'has no text' });
  for (const [text, names] of Object.entries(map)) {
    // Strict: a text that leaves an exactly-one group open would make damaged rows.
    const result = flags.tryFromNames(names, 'strict');
    if (result.ok) words.set(text, result.value);
    else faults.push({ path: `map.${text}`, value: names, rule: `is no word: ${result.error.message}` });
  }
  if (faults.length > 0) throw new FlagsLegacyError(flags.name, faults);
  return words;
}

/** The groups that any of the words has a member of, whole, and the other bits of the words. */
function ownedBits(flags: AnyFlagSet, words: readonly AnyWord[]): AnyWord {
  const used = words.reduce((all, word) => flags.union(all, word), flags.none);
  return Object.keys(flags.definition.groups)
    .map((group) => flags.mask[group]!)
    .filter((group) => !flags.isDisjointFrom(group, used))
    .reduce((all, group) => flags.union(all, group), used);
}

/** Expressions for the texts of a column, which compare byte for byte. */
interface ColumnTexts {
  /** The text for comparisons; NULL for what is no text. */
  readonly exact: string;
  readonly hex: string;
  readonly type: string;
  /** For people to read. */
  readonly value: string;
  literal(text: string): string;
}

function textsIn(dialect: SqlDialect, column: string): ColumnTexts {
  if (dialect === 'mysql') {
    const utf8 = `convert(${column} using utf8mb4)`;
    // As bytes: most collations take '1' for '1 ', and some 'a' for 'A'. A binary column has nothing to convert; what is no
    // UTF-8 in it would come out as '?'. Numbers count as binary, too.
    const exact = `if(charset(${column}) = 'binary', cast(${column} as binary), cast(${utf8} as binary))`;
    return {
      exact,
      hex: `hex(${exact})`,
      type: `case when ${column} is null then 'null' when ${exact} <> cast(${utf8} as binary) then 'blob' else 'text' end`,
      value: utf8,
      literal: (text) => plainLiteral(text) ?? `convert(x'${hexOf(text)}' using utf8mb4)`,
    };
  }
  return {
    // The CASE takes away the affinity of the column, which turns the text '01' into the number 1, and its collation.
    exact: `case typeof(${column}) when 'text' then ${column} end`,
    hex: `case when ${column} is not null then hex(${column}) end`,
    type: `typeof(${column})`,
    value: `cast(${column} as text)`,
    literal: (text) => plainLiteral(text) ?? `cast(x'${hexOf(text)}' as text)`,
  };
}

// A backslash is an escape on MySQL, unless the server is set otherwise.
function plainLiteral(text: string): string | undefined {
  return /^[ -~]*$/.test(text) && !/['\\]/.test(text) ? `'${text}'` : undefined;
}

function hexOf(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function addColumns(dialect: SqlDialect, table: string, columns: readonly string[]): readonly string[] {
  // One statement on MySQL, where each may copy the table; SQLite adds one column at a time.
  return dialect === 'mysql' ? [`alter table ${table} ${columns.map((column) => `add column ${column}`).join(', ')}`] : columns.map((column) => `alter table ${table} add column ${column}`);
}
