import { z } from 'zod';

import { CursorError } from './errors.ts';

export interface PageLimits {
  /** Default 50. */
  readonly defaultLimit?: number;
  /** Default 200. */
  readonly maxLimit?: number;
}

/** `?limit=&cursor=`; further filters by `.extend({ … })`. */
export type PageQuery = z.ZodObject<{ limit: z.ZodDefault<z.ZodPreprocess<z.ZodInt, unknown>>; cursor: z.ZodOptional<z.ZodString> }, z.core.$strict>;

/** Schema of a list's query string. */
export function pageQuery({ defaultLimit = 50, maxLimit = 200 }: PageLimits = {}): PageQuery {
  return z.strictObject({
    limit: z.preprocess(decimal, z.int().min(1).max(maxLimit)).default(defaultLimit),
    cursor: z.string().min(1).max(1_024).optional(),
  });
}

// Coercion would also take 0x10, 1e2 and ' 5'.
function decimal(text: unknown): unknown {
  return typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : text;
}

/** A list: without `nextCursor` it was the last page. */
export interface Page<Item> {
  items: Item[];
  nextCursor?: string | undefined;
}

export type PageSchema<Item extends z.ZodType> = z.ZodObject<{ items: z.ZodArray<Item>; nextCursor: z.ZodOptional<z.ZodString> }>;

/** Schema of a list response. */
export function pageOf<Item extends z.ZodType>(item: Item): PageSchema<Item> {
  return z.object({ items: z.array(item), nextCursor: z.string().optional() });
}

/**
 * Makes the opaque `nextCursor` from the sort key of the page's last item. It is not signed: it must only hold
 * what the caller may see, and {@link decodeCursor} must treat it as input.
 */
export function encodeCursor(position: unknown): string {
  return Buffer.from(JSON.stringify(position), 'utf8').toString('base64url');
}

/**
 * Reads a cursor back through `schema`, usually a tuple: `decodeCursor(cursor, z.tuple([z.int(), z.string()]))`.
 * @throws CursorError (`ERR_SERVICE_CURSOR`, status 400) for anything that {@link encodeCursor} did not make for this schema
 */
export function decodeCursor<Position extends z.ZodType>(cursor: string, schema: Position): z.output<Position> {
  let position: unknown;
  try {
    position = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    throw new CursorError();
  }
  const result = schema.safeParse(position);
  if (!result.success) throw new CursorError();
  return result.data;
}

/** ISO 8601 UTC with milliseconds, the form of every instant in our JSON: `2026-12-01T09:00:00.000Z`. */
export function instant(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
