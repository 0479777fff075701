import { decodeCursor, encodeCursor, instant, pageOf, pageQuery } from '@staddle/service';
import { expect, it } from 'vitest';
import { z } from 'zod';

import { call, problemIn, serve } from './serve.ts';

const position = z.tuple([z.int(), z.string()]);

/** A list of the numbers 0 to 9. */
function numbers(cursor: string | undefined, limit: number): { items: number[]; nextCursor?: string } {
  const [after] = cursor === undefined ? [-1] : decodeCursor(cursor, position);
  const items = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].filter((number) => number > after).slice(0, limit);
  return { items, ...(items.at(-1)! < 9 ? { nextCursor: encodeCursor([items.at(-1), 'x']) } : {}) };
}

const start = () =>
  serve({
    routes: (app) => {
      const schema = { querystring: pageQuery({ defaultLimit: 4, maxLimit: 6 }), response: { 200: pageOf(z.int()) } };
      app.get('/numbers', { config: { public: true }, schema }, async ({ query }) => numbers(query.cursor, query.limit));
    },
  });

it('walks a list to its end', async () => {
  const service = await start();
  const pages: unknown[] = [];
  let cursor: string | undefined;
  do {
    const { body } = await call(service, `/numbers${cursor === undefined ? '' : `?cursor=${cursor}`}`);
    const page = body as { items: number[]; nextCursor?: string };
    pages.push(page.items);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  expect(pages).toEqual([[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]);
});

it.each(['0', '7', '-1', '1.5', 'x', '', '1e99', '0x1', '1e0', '%201', '+1'])('refuses the limit %j', async (limit) => {
  const service = await start();
  expect(problemIn(await call(service, `/numbers?limit=${limit}`))).toMatchObject({ status: 422, code: 'ERR_SERVICE_VALIDATION', field: 'limit' });
});

it.each(['x', '%00', 'bnVsbA', 'WzEsMl0', 'WzEuNSwieCJd', 'W10'])('refuses the cursor %j', async (cursor) => {
  const service = await start();
  expect(problemIn(await call(service, `/numbers?cursor=${cursor}`))).toMatchObject({ status: 400, code: 'ERR_SERVICE_CURSOR', field: 'cursor' });
});

it('writes instants in UTC with milliseconds', () => {
  expect(instant(0)).toBe('1970-01-01T00:00:00.000Z');
  expect(instant(Date.UTC(2026, 11, 1, 9))).toBe('2026-12-01T09:00:00.000Z');
});
