import { defineFlags, machineOf, sqlOf, transitionSql } from '@staddle/flags';
import { describe, expect, it } from 'vitest';

const State = defineFlags('state', {
  bits: { Ready: 0, Running: 1, Done: 2, 'Push.Late': 8, High: 30 },
  groups: { phase: { of: ['Ready', 'Running', 'Done'], arity: 'exactly-one' } },
});
const Wide = defineFlags('wide', { backend: 'bigint', bits: { Low: 0, High: 62 } });
const machine = machineOf(State)()({
  start: { from: { all: ['Ready'], none: ['High'] }, set: ['Running'] },
  stop: { from: [{ all: ['Ready'] }, { all: ['Running'] }], set: ['Done', 'High'] },
  settle: { from: [{ all: ['Done'] }, { all: ['High'] }], clear: ['Push.Late'] },
  mark: { from: {}, set: ['Push.Late'] },
  look: { from: { none: ['Done'] } },
});
const sql = sqlOf(State);

describe('sqlOf', () => {
  it('writes conditions with their masks as literals', () => {
    expect(sql.hasAll('state', 'Ready', 'High')).toBe('(`state` & 1073741825) = 1073741825');
    expect(sql.hasAny('t.state', 'Ready', 'Running')).toBe('(`t`.`state` & 3) <> 0');
    expect(sql.hasNone('state', 'Push.Late')).toBe('(`state` & 256) = 0');
    expect(sql.which('state', 'phase', 'Done')).toBe('(`state` & 7) = 4');
    expect(sql.equals('state', State.of('Done', 'High'))).toBe('`state` = 1073741828');
  });

  it('writes masks of bigints as they are', () => {
    expect(sqlOf(Wide).hasAny('w', 'Low', 'High')).toBe('(`w` & 4611686018427387905) <> 0');
    expect(sqlOf(Wide).equals('w', Wide.of('High'))).toBe('`w` = 4611686018427387904');
  });

  it('refuses names that do not exist, and questions without a name', () => {
    for (const name of ['Runing', 'constructor', 'phase', '', undefined] as unknown as 'Ready'[]) {
      for (const ask of [sql.hasAll, sql.hasAny, sql.hasNone]) expect(() => ask('state', name)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN' }));
      expect(() => sql.which('state', 'phase', name)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN' }));
    }
    expect(() => sql.which('state', 'constructor' as 'phase', 'Ready')).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN' }));
    expect(() => sql.which('state', 'phase', 'High' as 'Ready')).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN' }));
    expect(() => (sql.hasAll as (column: string) => string)('state')).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_INPUT' }));
    expect(() => sql.equals('state', '1; drop table t' as never)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_INPUT' }));
  });

  it.each<[unknown]>([[''], ['1a'], ['a b'], ['a`b'], ['a.b.c'], ['.a'], ['a.'], ['a;'], ['a--'], ['é'], ['a\n'], [undefined], [{ toString: () => 'a' }]])('refuses %o as a column', (name) => {
    const column = name as string;
    const refused = expect.objectContaining({ name: 'FlagsIdentifierError', code: 'ERR_FLAGS_IDENTIFIER', value: name, set: 'state' });
    expect(() => sql.hasAll(column, 'Ready')).toThrow(refused);
    expect(() => sql.equals(column, State.none)).toThrow(refused);
    expect(() => sql.ddl.column(column, { dialect: 'mysql' })).toThrow(refused);
    expect(() => sql.ddl.check(column)).toThrow(refused);
    expect(() => sql.ddl.generated('phase', { table: 't', column, dialect: 'sqlite' })).toThrow(refused);
    expect(() => sql.ddl.partial('High', { table: column, column: 'state' })).toThrow(refused);
    expect(() => transitionSql(machine, 'start', column)).toThrow(refused);
  });

  it('defines a column that holds every word', () => {
    expect(sql.ddl.column('state', { dialect: 'mysql', initial: State.of('Ready') })).toBe('`state` int unsigned not null default 1');
    expect(sql.ddl.column('state', { dialect: 'sqlite' })).toBe('`state` integer not null default 0');
    expect(sqlOf(Wide).ddl.column('w', { dialect: 'mysql' })).toBe('`w` bigint unsigned not null default 0');
    expect(sql.ddl.check('state')).toBe('check ((`state` & ~1073742087) = 0)');
  });

  it('defines an index on a group, and the condition that uses it', () => {
    const mysql = sql.ddl.generated('phase', { table: 'run', column: 'state', keyColumns: ['id'], dialect: 'mysql' });
    expect(mysql.statements).toEqual([
      'alter table `run` add column `state_phase` int unsigned generated always as (`state` & 7) virtual',
      'create index `run_state_phase` on `run` (`state_phase`, `id`)',
    ]);
    expect(mysql.where('Running')).toBe('`state_phase` = 2');
    const sqlite = sql.ddl.generated('phase', { table: 'run', column: 'state', dialect: 'sqlite' });
    expect(sqlite.statements).toEqual(['create index `run_state_phase` on `run` ((`state` & 7))']);
    expect(sqlite.where('Running')).toBe('(`state` & 7) = 2');
    expect(() => mysql.where('High' as 'Running')).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN' }));
  });

  it('defines an index on the rows with a flag', () => {
    expect(sql.ddl.partial('Push.Late', { table: 'run', column: 'state', keyColumns: ['due_at', 'id'] })).toEqual({
      statements: ['create index `run_state_Push_Late` on `run` (`due_at`, `id`) where (`state` & 256) = 256'],
      where: '(`state` & 256) = 256',
    });
    expect(sql.ddl.partial('High', { table: 'run', column: 'state' }).statements[0]).toContain('on `run` (`state`) where');
  });
});

describe('transitionSql', () => {
  it('writes the check and the change of an event from its masks', () => {
    expect(transitionSql(machine, 'start', 'r.state')).toEqual({ where: '(`r`.`state` & 1073741831) = 1', set: '((`r`.`state` & ~5) | 2)' });
    expect(transitionSql(machine, 'mark', 'state')).toEqual({ where: '(`state` & 0) = 0', set: '(`state` | 256)' });
    expect(transitionSql(machine, 'look', 'state')).toEqual({ where: '(`state` & 4) = 0', set: '`state`' });
  });

  it('joins sources, those that look at the same bits in one comparison', () => {
    expect(transitionSql(machine, 'stop', 'state')).toEqual({ where: '(`state` & 7) in (1, 2)', set: '((`state` & ~3) | 1073741828)' });
    expect(transitionSql(machine, 'settle', 'state')).toEqual({ where: '((`state` & 7) = 4 or (`state` & 1073741824) = 1073741824)', set: '(`state` & ~256)' });
  });

  it('refuses an event that does not exist', () => {
    expect(() => transitionSql(machine, 'toString' as 'start', 'state')).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN', value: 'toString' }));
  });
});
