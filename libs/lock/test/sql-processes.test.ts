import { columns, createTable } from '@staddle/database';
import { DIALECTS, spawnNode } from '@staddle/testing';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { createSqlStand, hold, keyOf, request } from './sql-stand.ts';

const FIXTURES = `${import.meta.dirname}/fixtures`;
const PROCESSES = { sqlite: 2, mysql: 4 } as const;

describe.each(DIALECTS)('processes that share a database on %s', (dialect) => {
  const start = (script: string, args: readonly string[]) => Array.from({ length: PROCESSES[dialect] }, (_, index) => spawnNode({ script: `${FIXTURES}/${script}`, args: args.map((arg) => arg.replace('INDEX', String(index))) }));

  it('race for locks that were never used, and each has one winner', async () => {
    const { driver, place } = await createSqlStand(dialect);
    await hold(driver, keyOf('gate'), 'test.1');
    const racers = start('sql-racer.ts', [place.url, 'INDEX.1', '100']);
    for (const racer of racers) await racer.waitForLine('ready');
    await driver.release({ key: keyOf('gate'), owner: 'test.1' });
    const won: number[][] = [];
    for (const racer of racers) won.push(JSON.parse(await racer.waitForLine('[')) as number[]);
    expect(won.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, lock) => lock));
    for (const racer of racers) expect(await racer.exit).toEqual({ code: 0, signal: null });
  });

  it('count without losing an update, under fences that rise', async () => {
    const { database, place } = await createSqlStand(dialect);
    const { integer } = columns(dialect);
    await createTable(database.query(), dialect, 'counter')
      .addColumn('value', integer, (column) => column.primaryKey())
      .addColumn('fence', integer, (column) => column.notNull())
      .execute();
    await sql`insert into counter values (0, 0)`.execute(database.query());
    const rounds = 8;
    const counters = start('sql-counter.ts', [place.url, String(rounds)]);
    for (const counter of counters) expect(await counter.exit, counter.stderr()).toEqual({ code: 0, signal: null });
    const { rows } = await sql<{ value: number; fence: number }>`select value, fence from counter order by value`.execute(database.query());
    expect(rows.map(({ value }) => value)).toEqual(Array.from({ length: PROCESSES[dialect] * rounds + 1 }, (_, value) => value));
    expect(rows.map(({ fence }) => fence)).toEqual(rows.map(({ fence }) => fence).toSorted((a, b) => a - b));
    expect(new Set(rows.map(({ fence }) => fence)).size).toBe(rows.length);
  });
});

// Connections instead of processes: the server cannot tell them apart, and 50 of those would take a minute to start.
it('gives a lock that was never used to one of 50 connections', async () => {
  const { driver } = await createSqlStand('mysql', { pool: { max: 50 } });
  for (const name of ['first', 'second', 'third']) {
    const outcomes = await Promise.all(Array.from({ length: 50 }, (_, index) => driver.acquire(request(keyOf(name), `a.${index}`))));
    expect(outcomes.filter(({ acquired }) => acquired)).toHaveLength(1);
  }
});
