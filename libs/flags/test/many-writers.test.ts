import { defineFlags, machineOf, sqlOf } from '@staddle/flags';
import { applyTransition } from '@staddle/flags/kysely';
import { DIALECTS, testDatabase, type TestDatabase, type TestDialect } from '@staddle/testing';
import { sql, type Kysely } from 'kysely';
import { describe, expect, it } from 'vitest';

const bits = { Off: 0, On: 1 };
const groups = { power: { of: ['Off', 'On'], arity: 'exactly-one' } } as const;
const Lamp = defineFlags('lamp', { bits, groups });
/** The same set in a process that is one release ahead. */
const NewLamp = defineFlags('lamp', { bits: { ...bits, Dimmed: 21 }, groups });

const events = { on: { from: { all: ['Off'] }, set: ['On'] }, off: { from: { all: ['On'] }, set: ['Off'] } } as const;
const machine = machineOf(Lamp)()(events, { initial: ['Off'], deterministic: true });
const newMachine = machineOf(NewLamp)()({ ...events, dim: { from: { none: ['Dimmed'] }, set: ['Dimmed'] } });

interface Tables {
  lamp: { id: number; word: number; version: number };
}

async function lamps(fresh: TestDatabase, dialect: TestDialect, count: number): Promise<Kysely<Tables>> {
  const db = fresh.open().query<Tables>();
  await sql`create table lamp (id integer primary key, ${sql.raw(sqlOf(Lamp).ddl.column('word', { dialect, initial: Lamp.of('Off') }))}, version integer not null)`.execute(db);
  await sql`insert into lamp (id, version) values ${sql.join(Array.from({ length: count }, (_, id) => sql`(${id}, 1)`))}`.execute(db);
  return db;
}

describe.each(DIALECTS)('on %s', (dialect) => {
  // SQLite has one connection in a process; the other writer comes in between its statements.
  const another = (fresh: TestDatabase, db: Kysely<Tables>): Kysely<Tables> => (dialect === 'sqlite' ? db : fresh.open().query<Tables>());

  it('no change of an older process loses the bit that a newer one sets', async () => {
    await using fresh = await testDatabase(dialect);
    const db = await lamps(fresh, dialect, 50);
    const version = { column: 'version' } as const;
    const switchThem = async (): Promise<number> => {
      let changed = 0;
      for (let at = 0; at < 1_000; at++) {
        const event = Math.floor(at / 50) % 2 === 0 ? 'on' : 'off';
        const result = await applyTransition(db, { machine, event, table: 'lamp', key: { id: at % 50 }, column: 'word', version });
        if (result.ok && result.changed) changed++;
      }
      return changed;
    };
    const dimThem = async (newer: Kysely<Tables>): Promise<void> => {
      for (let id = 0; id < 50; id++) {
        const result = await applyTransition(newer, { machine: newMachine, event: 'dim', table: 'lamp', key: { id }, column: 'word', version });
        expect(result).toMatchObject({ ok: true, changed: true });
      }
    };
    const [changed] = await Promise.all([switchThem(), dimThem(another(fresh, db))]);
    expect(changed).toBe(1_000);
    const rows = await db.selectFrom('lamp').select(['word', 'version']).execute();
    expect(rows).toEqual(Array.from({ length: 50 }, () => ({ word: NewLamp.of('Off', 'Dimmed'), version: 1 + 20 + 1 })));
  });

  // Some 60 000 round trips to MySQL: 5 s on a quiet machine of two cores, several times that on a busy one.
  it('of two writers with 10 000 tries each, one wins each version', { timeout: 240_000 }, async () => {
    await using fresh = await testDatabase(dialect);
    const db = await lamps(fresh, dialect, 1);
    const write = async (writer: Kysely<Tables>): Promise<number[]> => {
      const won: number[] = [];
      let current = { word: Lamp.of('Off'), version: 1 };
      for (let tries = 0; tries < 10_000; tries++) {
        const [event] = machine.enabled(current.word);
        const result = await applyTransition(writer, { machine, event: event!, table: 'lamp', key: { id: 0 }, column: 'word', version: { column: 'version', expect: current.version } });
        if (result.ok) won.push(result.version!);
        // Off and On alternate, so that a word alone would let a writer win who is two versions behind.
        if (result.ok && result.version !== current.version + 1) throw new Error(`a writer at version ${current.version} won version ${result.version}`);
        if (!result.ok && result.reason !== 'conflict') throw new Error(`a writer met ${result.reason}`);
        current = result.ok ? { word: result.value, version: result.version! } : { word: result.current, version: result.version! };
      }
      return won;
    };
    const [one, other] = await Promise.all([write(db), write(another(fresh, db))]);
    const versions = [...one, ...other].toSorted((a, b) => a - b);
    expect(versions).toEqual(Array.from({ length: versions.length }, (_, at) => at + 2));
    expect(await db.selectFrom('lamp').select(['word', 'version']).executeTakeFirst()).toEqual({ word: versions.length % 2 === 0 ? 1 : 2, version: versions.length + 1 });
    expect(Math.min(one.length, other.length)).toBeGreaterThan(0);
  });
});
