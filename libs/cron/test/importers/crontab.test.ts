import { fromCrontab } from '@staddle/cron/import';
import { describe, expect, it } from 'vitest';

const TZ = { tz: 'Europe/Paris' };

function expressionOf(times: string): unknown {
  const { entries, faults } = fromCrontab(`${times} run\n`, TZ);
  if (faults[0] !== undefined) throw faults[0];
  return (entries[0]!.trigger.toJSON() as { expr?: unknown }).expr;
}

describe('a crontab file', () => {
  it('gives its jobs with line, command and environment', () => {
    const { entries, faults } = fromCrontab(
      ['# nightly', 'MAILTO=ops@example.org', 'PATH = "/usr/bin:/bin"', '', '30 2 * * *   /usr/bin/backup  --all', '@daily clean', "MAILTO=''", '\t*/5 9-17 * * mon-fri poll', ''].join('\n'),
      TZ,
    );
    expect(faults).toEqual([]);
    expect(entries.map(({ line, command, trigger, env }) => ({ line, command, expr: (trigger.toJSON() as { expr?: string }).expr, env }))).toEqual([
      { line: 5, command: '/usr/bin/backup  --all', expr: '30 2 * * *', env: { MAILTO: 'ops@example.org', PATH: '/usr/bin:/bin' } },
      { line: 6, command: 'clean', expr: '0 0 * * *', env: { MAILTO: 'ops@example.org', PATH: '/usr/bin:/bin' } },
      { line: 8, command: 'poll', expr: '*/5 9-17 * * MON-FRI', env: { MAILTO: '', PATH: '/usr/bin:/bin' } },
    ]);
    expect(entries[0]!.notes.map(({ rule, field }) => [rule, field])).toEqual([
      ['clock_change', undefined],
      ['environment', 'line 5'],
    ]);
    expect(entries[2]!.notes.map(({ rule }) => rule)).toEqual(['environment']);
  });

  it('of the system has a user in front of the command', () => {
    const { entries, faults } = fromCrontab('17 * * * * root cd / && run-parts /etc/cron.hourly\n@daily nobody  true\n5 5 * * * root\n', { ...TZ, system: true });
    expect(entries.map(({ user, command }) => [user, command])).toEqual([
      ['root', 'cd / && run-parts /etc/cron.hourly'],
      ['nobody', 'true'],
    ]);
    expect(faults.map(({ field, rule }) => [field, rule])).toEqual([['line 3', 'has no command']]);
  });

  it('collects the lines that have no trigger, and reads the others', () => {
    const { entries, faults } = fromCrontab('@reboot start\n61 * * * * a\n0 9 * * * b\n0 0 30 2 * c\n* * * *\n@often d\n5/15 * * * * e\n6-2 * * * * f\n', TZ);
    expect(entries.map(({ command }) => command)).toEqual(['b']);
    expect(faults.map(({ field }) => field)).toEqual(['line 1', 'line 2', 'line 4', 'line 5', 'line 6', 'line 7', 'line 8']);
    for (const fault of faults) expect(fault).toMatchObject({ code: 'ERR_CRON_IMPORT', system: 'crontab' });
    expect(faults[0]!.message).toBe('crontab line 1 "@reboot" has no time: run it when the process starts');
  });

  it('has times in the zone of CRON_TZ from there on, and TZ has no say', () => {
    const { entries } = fromCrontab('0 9 * * * a\nCRON_TZ=Asia/Tokyo\nTZ=America/New_York\n0 9 * * * b\nCRON_TZ=\n0 9 * * * c\n', { tz: 'UTC' });
    expect(entries.map(({ trigger }) => trigger.toJSON())).toMatchObject([{ tz: 'UTC' }, { tz: 'Asia/Tokyo' }, { tz: 'UTC' }]);
    expect(entries[1]!.notes.map(({ rule }) => rule)).toEqual(['version', 'environment']);
    expect(entries[1]!.notes[1]!.message).toBe('TZ: in env, where no handler looks; TZ is the zone of the command, not of its times');
  });

  it('needs a zone for lines without CRON_TZ', () => {
    expect(() => fromCrontab('0 9 * * * a\n')).toThrow(expect.objectContaining({ code: 'ERR_CRON_IMPORT', field: 'tz' }));
    expect(() => fromCrontab('0 9 * * * a\n', { tz: 'Mars/Base' })).toThrow(expect.objectContaining({ code: 'ERR_CRON_IMPORT', field: 'tz' }));
    expect(fromCrontab('CRON_TZ=Mars/Base\n0 9 * * * a\n', TZ).faults.map(({ field }) => field)).toEqual(['line 2']);
  });

  it('sends what follows a % to the command', () => {
    const { entries } = fromCrontab('0 9 * * * mail -s "100\\% done" joe%Hello%Joe\n', TZ);
    expect(entries[0]).toMatchObject({ command: 'mail -s "100% done" joe', input: 'Hello\nJoe' });
  });

  it('may begin a line with a minus, and may end without a line feed or with CRLF', () => {
    expect(fromCrontab('-0 9 * * * a\r\n0 10 * * * b', TZ).entries.map(({ command }) => command)).toEqual(['a', 'b']);
  });
});

describe('times', () => {
  it.each([
    ['0 0 13 * 5', '0 0 13 * 5'],
    ['0 0 */2 * mon', '0 0 */2 * MON'],
    ['0 9 * * fri-sun', '0 9 * * FRI-SUN'],
    ['0 9 * * 5-7', '0 9 * * 5-7'],
    ['0 9 * * 6-0', '0 9 * * 6-0'],
    ['0 9 1-31/2 jan-mar,NOV *', '0 9 1-31/2 JAN-MAR,NOV *'],
    ['@hourly', '0 * * * *'],
    ['*/10,5 2 * * *', '*/10,5 2 * * *'],
    ['5,*/10 2,* * * 1,*/2', '5,0-59/10 2,0-23 * * 1,0-7/2'], // fixed times, as in cron, which looks at the first character of a field
  ])('%s are %s', (times, expr) => {
    expect(expressionOf(times)).toBe(expr);
  });

  it.each(['0 0 ? * *', '0 0 L * *', '0 0 * * 5#2', '0 0 * * mon,', '*/0 * * * *', '*/90 9 * * *', '0 sun * * *', '0~90 * * * *', '9~5 * * * *'])('%s are refused', (times) => {
    expect(() => expressionOf(times)).toThrow(expect.objectContaining({ code: 'ERR_CRON_IMPORT', field: 'line 1' }));
  });

  it('drawn at random are drawn once, by the name of the schedule', () => {
    const { entries } = fromCrontab('0~29 2~ * * ~ a\n', TZ);
    expect(entries[0]!.trigger.toJSON()).toMatchObject({ expr: 'H(0-29) H(2-23) * * H(0-6)' });
    expect(entries[0]!.notes.filter(({ rule }) => rule === 'random')).toHaveLength(3);
    const times = entries[0]!.trigger.resolve(0, { seed: 'a' }).between(Date.UTC(2026, 0, 1), Date.UTC(2027, 0, 1), 100);
    expect(times).toHaveLength(52);
  });

  it('with RANDOM_DELAY have jitter', () => {
    const { entries, faults } = fromCrontab('RANDOM_DELAY=30\n0 9 * * * a\nRANDOM_DELAY=lots\n0 9 * * * b\n', TZ);
    expect(entries[0]!.trigger.toJSON()).toMatchObject({ jitter: 'PT30M' });
    expect(entries[0]!.notes.map(({ rule }) => rule)).toEqual(['random', 'clock_change']);
    expect(faults.map(({ field }) => field)).toEqual(['line 4']);
  });

  it('that clocks skip run when the clocks jump, those that they repeat the first time, as in cron', () => {
    const { entries } = fromCrontab('30 2 * * * a\n', TZ);
    const at = (from: string, to: string): string[] => entries[0]!.trigger.between(Date.parse(from), Date.parse(to), 10).map((time) => new Date(time).toISOString().slice(5, 16));
    expect(at('2025-03-29T12:00Z', '2025-03-31T12:00Z')).toEqual(['03-30T01:00', '03-31T00:30']);
    expect(at('2025-10-25T12:00Z', '2025-10-27T12:00Z')).toEqual(['10-26T00:30', '10-27T01:30']);
  });
});
