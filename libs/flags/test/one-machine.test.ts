import { defineFlags, luaOf, machineOf, transitionSql } from '@staddle/flags';
import { kyselyTransition } from '@staddle/flags/kysely';
import { DIALECTS, testDatabase, testRedis } from '@staddle/testing';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';

// Twelve bits: a group that is never empty, one that may be, free flags, and a bit that nobody knows.
const Task = defineFlags('task', {
  bits: { New: 0, Open: 1, Held: 2, Done: 3, Failed: 4, Mailed: 5, Rung: 6, Late: 7, Urgent: 8, Seen: 10, Locked: 11 },
  groups: {
    phase: { of: ['New', 'Open', 'Held', 'Done', 'Failed'], arity: 'exactly-one' },
    notice: { of: ['Mailed', 'Rung'], arity: 'at-most-one' },
  },
  retired: { 9: 'Stuck' },
});
const machine = machineOf(Task)()({
  open: { from: { all: ['New'], none: ['Locked'] }, set: ['Open'] },
  hold: { from: { all: ['Open'] }, set: ['Held', 'Seen'], clear: ['Urgent'] },
  release: { from: { all: ['Held'] }, set: ['Open'] },
  finish: { from: [{ all: ['Open'] }, { all: ['Held', 'Seen'] }], set: ['Done'], clear: ['Late', 'Urgent'] },
  fail: { from: { none: ['Done', 'Failed'] }, set: ['Failed'] },
  reopen: { from: [{ all: ['Done'] }, { all: ['Failed'], none: ['Locked'] }], set: ['Open'] },
  mail: { from: { none: ['Mailed'] }, set: ['Mailed'] },
  ring: { from: { all: ['Mailed', 'Late'] }, set: ['Rung', 'Urgent'] },
  quiet: { from: { all: ['Late'] }, clear: ['Mailed', 'Rung'] },
  lock: { from: {}, set: ['Locked'] },
  see: { from: [{ all: ['Urgent'] }, { all: ['Late'], none: ['New'] }], set: ['Seen'] },
  look: { from: [{ all: ['Open'] }, { all: ['Held'] }, { all: ['Done'] }] },
});

const words = Array.from({ length: 4_096 }, (_, bits) => Task.fromBits(bits, 'retain'));

const isSound = (word: (typeof words)[number]): boolean => Task.issues(word).every(({ kind }) => kind !== 'group');

/** For each event the words that it is enabled in, with what comes out. */
const expected = Object.fromEntries(machine.events.map((event) => [event, words.flatMap((word) => (machine.can(word, event) ? [[word, machine.next(word, event)!]] : []))]));

describe('all 4096 words and all events', () => {
  it('are enabled as often as one counts by hand', () => {
    expect(Object.values(expected).map((pairs) => pairs.length)).toEqual([64, 128, 128, 192, 1024, 192, 2048, 1024, 2048, 4096, 2560, 384]);
  });

  it('are enabled as `from` says, by the names of the word', () => {
    const holds = ({ all = [], none = [] }: { all?: string[]; none?: string[] }, names: string[]): boolean => all.every((name) => names.includes(name)) && none.every((name) => !names.includes(name));
    for (const word of words.filter(isSound)) {
      const names = Task.names(word);
      expect(machine.can(word, 'finish')).toBe(holds({ all: ['Open'] }, names) || holds({ all: ['Held', 'Seen'] }, names));
      expect(machine.can(word, 'see')).toBe(holds({ all: ['Urgent'] }, names) || holds({ all: ['Late'], none: ['New'] }, names));
      expect(machine.can(word, 'fail')).toBe(holds({ none: ['Done', 'Failed'] }, names));
    }
  });

  it('keep every group sound, and every bit that the event does not name', () => {
    for (const event of machine.events) {
      const { clear, set } = machine.transitions[event];
      for (const [word, next] of expected[event]!) {
        expect(isSound(next!) || !isSound(word!)).toBe(true);
        expect(next! & ~(clear | set)).toBe(word! & ~(clear | set));
        expect(next! & set).toBe(set);
      }
    }
  });

  it('never let a word with two states through an event that wants one', () => {
    for (const event of ['open', 'hold', 'release', 'finish', 'reopen', 'look'] as const) {
      for (const [word] of expected[event]!) expect(Task.which(word!, 'phase')).toBeDefined();
    }
  });

  describe.each(DIALECTS)('on %s', (dialect) => {
    it('are enabled in the same rows, with the same outcome', async () => {
      await using fresh = await testDatabase(dialect);
      const db = fresh.open().query<{ words: { word: number } }>();
      await db.schema.createTable('words').addColumn('word', dialect === 'mysql' ? sql`int unsigned` : 'integer', (column) => column.primaryKey()).execute();
      for (let at = 0; at < words.length; at += 512) await db.insertInto('words').values(words.slice(at, at + 512).map((word) => ({ word }))).execute();

      for (const event of machine.events) {
        const { where, set } = transitionSql(machine, event, 'words.word');
        const { rows } = await sql<{ word: number; next: number }>`select word, ${sql.raw(set)} as next from words where ${sql.raw(where)} order by word`.execute(db);
        expect(rows.map(({ word, next }) => [word, next]), event).toEqual(expected[event]);

        const expressions = kyselyTransition(machine, event, 'words.word');
        const again = await db.selectFrom('words').select(['word', expressions.set.as('next')]).where(expressions.where).orderBy('word').execute();
        expect(again, event).toEqual(rows);
      }
    });
  });

  it('are enabled for the same words in Redis, with the same outcome', async () => {
    await using redis = await testRedis();
    const script = `${luaOf(machine)}
      local pairs = {}
      for word = 0, 4095 do
        local next = next_word(word, ARGV[1])
        if next then pairs[#pairs + 1] = { word, next } end
      end
      return pairs`;
    const client = redis.client();
    for (const event of machine.events) expect(await client.eval(script, 0, event), event).toEqual(expected[event]);
  });
});
