import type { Database } from '@staddle/database';
import { sql } from 'kysely';

/** Settings of the server that endanger locks. Of a SQLite file there are none: whoever shares it shares its machine and its end. */
export async function diagnoseDatabase(database: Database): Promise<readonly string[]> {
  if (database.dialect === 'sqlite') return [];
  const { rows } = await sql<{ readOnly: number; flush: number }>`
    select @@global.read_only as readOnly, @@global.innodb_flush_log_at_trx_commit as flush`.execute(database.query());
  const { readOnly, flush } = rows[0]!;
  const sentences: string[] = [];
  if (readOnly !== 0) sentences.push('the server is read-only, so it refuses to lock; connect to its primary');
  if (flush !== 1) {
    const crash = flush === 0 ? 'the server' : 'its machine';
    sentences.push(`innodb_flush_log_at_trx_commit is ${flush}, so a crash of ${crash} may forget locks that were given in its last second; it should be 1`);
  }
  return sentences;
}
