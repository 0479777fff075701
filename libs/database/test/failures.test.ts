import { spawnNode } from '@staddle/testing';
import { describe, expect, it } from 'vitest';
import { classifyFailure } from '../src/failures.ts';
import { isTransient, isUniqueViolation } from '@staddle/database';

describe('classifyFailure', () => {
  it.each([
    [{ code: 'ERR_SQLITE_ERROR', errcode: 5 }, 'busy'],
    [{ code: 'ERR_SQLITE_ERROR', errcode: 517 }, 'busy'],
    [{ code: 'ERR_SQLITE_ERROR', errcode: 261 }, 'busy'],
    [{ code: 'ERR_SQLITE_ERROR', errcode: 13 }, 'unavailable'],
    [{ code: 'ERR_SQLITE_ERROR', errcode: 14 }, 'unavailable'],
    [{ code: 'ERR_SQLITE_ERROR', errcode: 267 }, 'refused'],
    [{ code: 'ERR_SQLITE_ERROR', errcode: 26 }, 'refused'],
    [{ code: 'ERR_SQLITE_ERROR', errcode: 11 }, 'refused'],
    [{ code: 'ERR_SQLITE_ERROR', errcode: 15 }, 'busy'],
    [{ code: 'ERR_SQLITE_ERROR', errcode: 1555 }, 'unique'],
    [{ code: 'ERR_SQLITE_ERROR', errcode: 2067 }, 'unique'],
    [{ code: 'ERR_SQLITE_ERROR', errcode: 1299 }, undefined],
    [{ code: 'ER_LOCK_DEADLOCK', errno: 1213 }, 'deadlock'],
    [{ code: 'ER_LOCK_WAIT_TIMEOUT', errno: 1205 }, 'lock'],
    [{ code: 'ER_DUP_ENTRY', errno: 1062 }, 'unique'],
    [{ code: 'ER_CON_COUNT_ERROR', errno: 1040, fatal: true }, 'unavailable'],
    [{ code: 'ER_STATEMENT_TIMEOUT', errno: 1969 }, 'unavailable'],
    [{ code: 'ER_QUERY_TIMEOUT', errno: 3024 }, 'unavailable'],
    [{ code: 'ER_CLIENT_INTERACTION_TIMEOUT', errno: 4031 }, 'unavailable'],
    [{ code: 'ER_ACCESS_DENIED_ERROR', errno: 1045, fatal: true }, 'refused'],
    [{ code: 'ER_PARSE_ERROR', errno: 1064 }, undefined],
    [{ code: 'ECONNREFUSED', errno: -111, fatal: true }, 'lost'],
    [{ code: 'PROTOCOL_CONNECTION_LOST', fatal: true }, 'lost'],
    [{ fatal: true }, 'lost'],
    [{}, undefined],
    [null, undefined],
    ['text', undefined],
  ])('%j is %s', (error, failure) => {
    expect(classifyFailure(error)).toBe(failure);
  });

  it('tells what may succeed later from what will not', () => {
    expect(isTransient({ errno: 1213 })).toBe(true);
    expect(isTransient({ code: 'ECONNRESET' })).toBe(true);
    expect(isTransient({ code: 'ERR_DATABASE_ACQUIRE_TIMEOUT' })).toBe(true);
    expect(isTransient({ code: 'ERR_DATABASE_REFUSED' })).toBe(false);
    expect(isTransient({ errno: 1062 })).toBe(false);
    expect(isTransient(undefined)).toBe(false);
    expect(isUniqueViolation(undefined)).toBe(false);
  });
});

describe('mysql2 is an optional package', () => {
  it('that SQLite does not need and a MySQL URL asks for by name', async () => {
    const child = spawnNode({ script: `${import.meta.dirname}/processes/without-mysql2.ts` });
    expect(await child.exit, child.stderr()).toMatchObject({ code: 0 });
    expect(child.stdout().trim().split('\n')).toEqual([
      'sqlite works',
      'ERR_DATABASE_DRIVER_MISSING mysql://app@127.0.0.1:1/main needs the npm package mysql2, which is not installed',
    ]);
  });
});
