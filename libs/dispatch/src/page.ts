import { InvalidQueryError } from './errors.ts';

export interface PageOptions {
  /** 1 to 200. Default 50. */
  readonly limit?: number | undefined;
  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Undefined on the last page. */
  readonly nextCursor: string | undefined;
}

interface PageSource<R> {
  /** The row that a cursor names: cursors are uids, for numeric keys stay inside. */
  readonly find: (uid: string) => Promise<R | undefined>;
  readonly read: (after: { readonly afterId: number | undefined; readonly limit: number }) => Promise<readonly R[]>;
}

/** One page of rows, newest first. @throws InvalidQueryError (`ERR_DISPATCH_QUERY`) */
export async function readPage<R extends { readonly id: number; readonly uid: string }, T>({ limit = 50, cursor }: PageOptions, source: PageSource<R>, show: (row: R) => T): Promise<Page<T>> {
  if (!Number.isInteger(limit) || limit < 1 || limit > 200) throw new InvalidQueryError('limit', limit, 'is not a whole number from 1 to 200');
  const after = cursor === undefined ? undefined : await source.find(cursor);
  if (cursor !== undefined && !after) throw new InvalidQueryError('cursor', cursor, 'is not the nextCursor of a page');
  // One more than asked for tells whether there is another page.
  const rows = await source.read({ afterId: after?.id, limit: limit + 1 });
  const items = rows.slice(0, limit);
  return { items: items.map(show), nextCursor: rows.length > limit ? items.at(-1)?.uid : undefined };
}
