import type { Kysely } from 'kysely';
import type { Dialect } from './dialect.ts';
import { MigrationHistoryError } from './errors.ts';

export interface Migration {
  /** Sorts within its set: `001-create-task`. */
  readonly name: string;
  /** Runs on one connection; on SQLite inside a transaction. Must not be edited once released. */
  // oxlint-disable-next-line typescript/no-explicit-any -- it runs on the tables of its time: today's types would break it later
  up(db: Kysely<any>, dialect: Dialect): Promise<void>;
}

export interface MigrationSet {
  /** Owner of the tables, such as `dispatch`. */
  readonly library: string;
  readonly migrations: readonly Migration[];
}

/** One migration with the library that it belongs to. */
export interface Step {
  readonly library: string;
  readonly migration: Migration;
}

// Names stand in statements that operators copy from an error message, and in key columns of ASCII.
const NAME = /^[a-z0-9][a-z0-9._-]*$/;

/** @throws MigrationHistoryError (`ERR_DATABASE_MIGRATION_HISTORY`) unless each library is given once and its names ascend */
export function assertDeclarations(sets: readonly MigrationSet[]): void {
  const libraries = new Set<string>();
  for (const { library, migrations } of sets) {
    let previous = '';
    for (const { name } of migrations) {
      const fault = faultOf(name, previous, library, libraries);
      if (fault) throw new MigrationHistoryError(library, name, fault);
      previous = name;
    }
    libraries.add(library);
  }
}

function faultOf(name: string, previous: string, library: string, libraries: ReadonlySet<string>): string | undefined {
  if (!NAME.test(library) || !NAME.test(name)) return 'is not named with a-z, 0-9, dot, dash and underscore';
  if (libraries.has(library)) return 'belongs to a library that is given twice';
  return name <= previous ? `does not sort after ${previous}, which is declared before it` : undefined;
}
