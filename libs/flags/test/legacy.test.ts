import { defineFlags, FlagsLegacyError, legacyOf, type LegacySpec } from '@staddle/flags';
import { describe, expect, it } from 'vitest';
import { Task } from './task.ts';

const SPEC = { dialect: 'mysql', table: 'task', column: 'state', map: { '0': ['Queued'], '1': ['Running'], '10': ['Failed', 'Archived'] } } as const;

function faultsOf(spec: object): string[] {
  try {
    legacyOf(Task, { ...SPEC, ...spec });
    return [];
  } catch (error) {
    if (!(error instanceof FlagsLegacyError)) throw error;
    return error.faults.map(({ path, rule }) => `${path} ${rule}`);
  }
}

describe('a legacy map', () => {
  const legacy = legacyOf(Task, SPEC);

  it('reads a text exactly or not at all', () => {
    expect(legacy.read('10')).toBe(Task.of('Failed', 'Archived'));
    for (const text of ['', ' 1', '1 ', '01', '1.0', '1abc', '2', 'toString', 1, null, undefined]) {
      expect(legacy.tryRead(text)).toBeUndefined();
      expect(() => legacy.read(text)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_INPUT' }));
    }
  });

  it('writes the text of a word, whatever else the word holds', () => {
    expect(legacy.write(Task.of('Running', 'PushSent'))).toBe('1');
    expect(legacy.columns(Task.of('Queued'))).toEqual({ state: '0', flags: 1, flags_src: 1 });
    // Archived belongs to the map: Failed without it is a state that the old column did not have.
    for (const word of [Task.of('Paused'), Task.of('Failed'), Task.of('Running', 'Archived'), Task.none]) {
      expect(() => legacy.write(word)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_INPUT' }));
    }
  });

  it('writes the first of several texts for one word, whole numbers before others', () => {
    const many = legacyOf(Task, { ...SPEC, map: { open: ['Queued'], '7': ['Queued'], '3': ['Queued'] } });
    expect(many.write(Task.of('Queued'))).toBe('3');
    expect(many.read('open')).toBe(many.read('7'));
  });

  it('owns the groups and flags that it names', () => {
    expect(Task.names(legacy.owned)).toEqual(['Queued', 'Running', 'Paused', 'Done', 'Failed', 'Cancelled', 'Archived']);
  });

  it('is told all its faults at once', () => {
    expect(faultsOf({ map: { '0': ['Queud'], '1': ['Running', 'Done'], '2': ['Archived'], '3': ['Queued'] }, word: 'state' })).toEqual([
      'columns is the name of two columns',
      expect.stringMatching(/^map.0 is no word: "Queud" is not known to flags "task"/),
      expect.stringMatching(/^map.1 is no word: group "run" of flags "task" has exactly-one member, not Running and Done/),
      expect.stringMatching(/^map.2 is no word: group "run" of flags "task" has exactly-one member, not none/),
    ]);
    expect(faultsOf({ map: {} })).toEqual(['map has no text']);
    expect(() => legacyOf(Task, { ...SPEC, map: {} })).toThrow(expect.objectContaining({ name: 'FlagsLegacyError', code: 'ERR_FLAGS_LEGACY', set: 'task', retryable: false }));
  });

  it('goes with plain names of tables and columns only', () => {
    expect(() => legacyOf(Task, { ...SPEC, table: 'task; drop table task' })).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_IDENTIFIER' }));
  });

  it('is type-checked', () => {
    expect.hasAssertions();
    const never = (call: () => unknown): void => expect(call).toBeTypeOf('function');
    // @ts-expect-error misspelt flag
    never(() => legacyOf(Task, { ...SPEC, map: { '1': ['Runing'] } }));
    // @ts-expect-error words of another set
    never(() => legacy.write(defineFlags('other', { bits: { A: 0 } }).of('A')));
  });
});

describe('the statements of a legacy map', () => {
  it('are what a database administrator is shown on MySQL', () => {
    const { sql } = legacyOf(Task, { ...SPEC, map: { '0': ['Queued'], '1': ['Running'] } });
    expect(sql.ddl).toEqual(['alter table `task` add column `flags` int unsigned not null default 0, add column `flags_src` tinyint unsigned not null default 0']);
    const exact = "if(charset(`state`) = 'binary', cast(`state` as binary), cast(convert(`state` using utf8mb4) as binary))";
    expect(sql.backfill.fromKey).toBe(
      `update \`task\` set \`flags\` = (\`flags\` & ~63) | case ${exact} when '0' then 1 when '1' then 2 end, \`flags_src\` = 1 ` +
        `where \`flags_src\` = 0 and ${exact} in ('0', '1') and \`id\` > ? and \`id\` <= ?`,
    );
    expect(sql.assign('(`flags` & ~63) | 2')).toBe(
      "`state` = case (((`flags` & ~63) | 2) & 63) when 1 then '0' when 2 then '1' end, `flags` = (`flags` & ~63) | 2, `flags_src` = 1",
    );
  });

  it('are those of SQLite there', () => {
    const { sql } = legacyOf(Task, { ...SPEC, dialect: 'sqlite', map: { '0': ['Queued'] } } satisfies LegacySpec<'Queued'>);
    expect(sql.ddl).toEqual(['alter table `task` add column `flags` integer not null default 0', 'alter table `task` add column `flags_src` integer not null default 0']);
    expect(sql.chunk(50, 'after')).toBe('select max(k) as last from (select `id` as k from `task` where `id` > ? order by `id` limit 50) as chunk');
    expect(sql.unmapped.fromStart).toContain("(case typeof(`state`) when 'text' then `state` end is null or case typeof(`state`) when 'text' then `state` end not in ('0')) and `id` <= ?");
  });
});
