import { defineFlags, sqlOf } from '@staddle/flags';
import { wordText } from '@staddle/flags/kysely';
import { DIALECTS, testDatabase, testRedis } from '@staddle/testing';
import { sql } from 'kysely';
import { createConnection } from 'mysql2/promise';
import { describe, expect, it } from 'vitest';

const indexes = (count: number): Record<string, number> => Object.fromEntries(Array.from({ length: count }, (_, at) => [`bit${at}`, at]));
const Narrow = defineFlags('narrow', { bits: indexes(31) });
const Wide = defineFlags('wide', { backend: 'bigint', bits: indexes(63) });
const narrow = [Narrow.none, ...Object.values(Narrow.bit), Narrow.all];
const wide = [Wide.none, ...Object.values(Wide.bit), Wide.all];

describe('every bit comes back', () => {
  it('from JSON', () => {
    expect(JSON.parse(JSON.stringify(narrow))).toEqual(narrow);
    for (const word of wide) expect(Wide.json.decode(JSON.parse(JSON.stringify(Wide.json.encode(word))))).toBe(word);
  });

  it.each(DIALECTS)('from a column of %s, also a signed one', async (dialect) => {
    await using fresh = await testDatabase(dialect);
    const db = fresh.open().query<{ words: { narrow: number; signed: number; wide: bigint; long: bigint } }>();
    const columns = [
      sqlOf(Narrow).ddl.column('narrow', { dialect }),
      `\`signed\` ${dialect === 'mysql' ? 'int' : 'integer'}`,
      sqlOf(Wide).ddl.column('wide', { dialect }),
      `\`long\` ${dialect === 'mysql' ? 'bigint' : 'integer'}`,
      sqlOf(Narrow).ddl.check('narrow'),
      sqlOf(Wide).ddl.check('wide'),
    ];
    await sql`create table words (${sql.raw(columns.join(', '))})`.execute(db);
    await db.insertInto('words').values(wide.map((word, at) => ({ narrow: narrow[at] ?? 0, signed: narrow[at] ?? 0, wide: word, long: word }))).execute();

    const rows = await db.selectFrom('words').select(['narrow', 'signed', wordText('wide').as('wide'), wordText('long').as('long')]).orderBy('words.wide').execute();
    const stored = wide.map((word, at) => ({ narrow: narrow[at] ?? 0, signed: narrow[at] ?? 0, wide: String(word), long: String(word) }));
    expect(rows).toEqual(stored);
    expect(rows.map((row) => Wide.fromBits(row.wide))).toEqual(wide);
    for (const word of wide) {
      const found = await sql<{ n: number }>`select count(*) as n from words where ${sql.raw(sqlOf(Wide).equals('wide', word))} and ${sql.raw(sqlOf(Wide).equals('long', word))}`.execute(db);
      expect(found.rows).toEqual([{ n: 1 }]);
    }
  });

  it('from Lua in Redis', async () => {
    await using redis = await testRedis();
    const client = redis.client();
    for (const word of narrow) expect(await client.eval('return bit.bor(bit.band(ARGV[1], ARGV[1]), 0)', 0, String(word))).toBe(word);
  });
});

// Bit 62 and bit 0: the nearest double is another word.
const exact = Wide.of('bit0', 'bit62');
it.each([
  [false, { ok: false, error: expect.objectContaining({ code: 'ERR_FLAGS_INPUT', value: 2 ** 62 }) }],
  [true, { ok: true, value: exact }],
])('a wide word is exact or refused, never rounded, with supportBigNumbers %s', async (supportBigNumbers, expected) => {
  await using fresh = await testDatabase('mysql');
  const connection = await createConnection({ uri: fresh.url, supportBigNumbers });
  const [rows] = await connection.query(`select cast(${exact} as unsigned) as word`);
  await connection.end();
  expect(Wide.tryFromBits((rows as [{ word: unknown }])[0].word, 'retain')).toEqual(expected);
});
