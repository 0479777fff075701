import { after, and, calendar, cron, date, explain, interval, lintTrigger, or, type ExplainedTime, type ExplainExpressionOptions } from '@staddle/cron';
import { describe, expect, it } from 'vitest';

function listed(expression: string, tz: string, from: string, options: ExplainExpressionOptions = {}): (readonly [string, string, string | undefined])[] {
  return explain(expression, tz, { after: Date.parse(from), count: 3, ...options }).times.map(({ local, offset, note }) => [local, offset, note]);
}

describe('explain', () => {
  it('gives the sentence, the trigger, warnings, and each time as clocks show it', () => {
    const explanation = explain('30 2 * * *', 'America/New_York', { after: Date.parse('2025-03-08T12:00Z'), count: 2 });
    expect(explanation.sentence).toBe('at 02:30 every day (America/New_York)');
    expect(explanation.trigger).toEqual(cron('30 2 * * *', { tz: 'America/New_York' }).toJSON());
    expect(explanation.tz).toBe('America/New_York');
    expect(explanation.warnings.map(({ rule }) => rule)).toEqual(['in-gap']);
    expect(explanation.end).toBeUndefined();
    expect(explanation.times).toEqual([
      {
        at: Date.parse('2025-03-09T07:00Z'),
        iso: '2025-03-09T07:00:00.000Z',
        local: '2025-03-09 03:00:00',
        weekday: 'Sunday',
        offset: '-04:00',
        note: 'clocks go forward from 02:00 to 03:00: stands for 02:30',
      },
      { at: Date.parse('2025-03-10T06:30Z'), iso: '2025-03-10T06:30:00.000Z', local: '2025-03-10 02:30:00', weekday: 'Monday', offset: '-04:00' },
    ] satisfies ExplainedTime[]);
  });

  it('prints nicely', () => {
    expect(explain('30 2 * * *', 'America/New_York', { after: Date.parse('2025-03-07T12:00Z'), count: 3 }).text).toBe(
      [
        'at 02:30 every day (America/New_York)',
        '  ! clocks skip 02:30 on 2025-03-09, 02:30 on 2026-03-08: it runs at the jump [in-gap]',
        '',
        '  2025-03-08 02:30:00 -05:00  Saturday',
        '  2025-03-09 03:00:00 -04:00  Sunday    clocks go forward from 02:00 to 03:00: stands for 02:30',
        '  2025-03-10 02:30:00 -04:00  Monday',
        '',
      ].join('\n'),
    );
    expect(explain('0 9 * * MON-FRI', 'Asia/Shanghai', { after: Date.parse('2026-11-20T00:00Z'), count: 2, language: 'zh' }).text).toBe(
      ['周一至周五 09:00（Asia/Shanghai）', '', '  2026-11-20 09:00:00 +08:00  星期五', '  2026-11-23 09:00:00 +08:00  星期一', ''].join('\n'),
    );
  });

  it('lists 20 times from now on by default', () => {
    const before = Date.now();
    const { times } = explain('* * * * *', 'UTC');
    expect(times).toHaveLength(20);
    expect(times[0]!.at).toBeGreaterThan(before);
    expect(times[0]!.at).toBeLessThanOrEqual(Date.now() + 60_000);
    expect(explain('* * * * * *', 'UTC', { count: 1_000 }).times).toHaveLength(1_000);
  });

  it('refuses what is no expression, zone, instant or count', () => {
    const code = (expected: string): object => expect.objectContaining({ code: expected });
    expect(() => explain('*/90 * * * *', 'UTC')).toThrow(code('ERR_CRON_SYNTAX'));
    expect(() => explain('0 9 * * *', 'Mars/Olympus')).toThrow(code('ERR_CRON_TRIGGER'));
    expect(() => explain(interval({ every: '1h' }), { tz: 'Mars/Olympus' })).toThrow(code('ERR_CRON_TRIGGER'));
    expect(() => explain('0 9 * * *', 'UTC', { after: Number.NaN })).toThrow(code('ERR_CRON_INSTANT'));
    for (const language of ['de', 'zh-CN', 'constructor', null] as never[]) {
      expect(() => explain('0 9 * * *', 'UTC', { language })).toThrow('is neither en nor zh');
      expect(() => cron('0 9 * * *', { tz: 'UTC' }).describe(language)).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field: 'language', value: language }));
      expect(() => lintTrigger(cron('0 9 * * *', { tz: 'UTC' }), { language })).toThrow(code('ERR_CRON_TRIGGER'));
    }
    for (const count of [0, 1_001, 1.5]) expect(() => explain('0 9 * * *', 'UTC', { count })).toThrow(code('ERR_CRON_INSTANT'));
  });
});

describe('notes of explain', () => {
  it('tell what a skipped time became, by policy', () => {
    expect(listed('30 2 * * *', 'America/New_York', '2025-03-08T12:00Z', { dst: { gap: 'shift' } })[0]).toEqual(['2025-03-09 03:30:00', '-04:00', 'clocks go forward from 02:00 to 03:00: moved from 02:30']);
    expect(listed('30 2 * * *', 'America/New_York', '2025-03-08T00:00Z', { dst: { gap: 'skip' } })[1]).toEqual([
      '2025-03-10 02:30:00',
      '-04:00',
      'clocks go forward from 02:00 to 03:00 before this: 2025-03-09 02:30 left out',
    ]);
    expect(listed('0,30 2,3 * * *', 'America/New_York', '2025-03-09T06:00Z')).toEqual([
      ['2025-03-09 03:00:00', '-04:00', 'clocks go forward from 02:00 to 03:00: stands for 02:00, 02:30'],
      ['2025-03-09 03:30:00', '-04:00', undefined],
      ['2025-03-10 02:00:00', '-04:00', undefined],
    ]);
  });

  it('tell which one of two it is', () => {
    expect(listed('30 1 * * *', 'America/New_York', '2025-11-02T04:00Z')).toEqual([
      ['2025-11-02 01:30:00', '-04:00', 'clocks show this twice: the first time'],
      ['2025-11-03 01:30:00', '-05:00', 'clocks go back from 02:00 to 01:00 before this'],
      ['2025-11-04 01:30:00', '-05:00', undefined],
    ]);
    expect(listed('0 * * * *', 'America/New_York', '2025-11-02T04:30Z')).toEqual([
      ['2025-11-02 01:00:00', '-04:00', 'clocks show this twice: the first time'],
      ['2025-11-02 01:00:00', '-05:00', 'clocks go back from 02:00 to 01:00 before this; clocks show this twice: the second time'],
      ['2025-11-02 02:00:00', '-05:00', undefined],
    ]);
    expect(listed('30 1 * * *', 'America/New_York', '2025-11-02T04:00Z', { dst: { overlap: 'second' } })[0]).toEqual(['2025-11-02 01:30:00', '-05:00', 'clocks show this twice: the second time']);
  });

  it('know that what follows the clock lost nothing', () => {
    expect(listed('0 * * * *', 'America/New_York', '2025-03-09T05:30Z')).toEqual([
      ['2025-03-09 01:00:00', '-05:00', undefined],
      ['2025-03-09 03:00:00', '-04:00', 'clocks go forward from 02:00 to 03:00 before this'],
      ['2025-03-09 04:00:00', '-04:00', undefined],
    ]);
  });

  it('are right for half an hour, for Ramadan and for a day that never was', () => {
    expect(listed('15 2 * * *', 'Australia/Lord_Howe', '2025-10-04T00:00Z')[0]).toEqual(['2025-10-05 02:30:00', '+11:00', 'clocks go forward from 02:00 to 02:30: stands for 02:15']);
    expect(listed('45 1 * * *', 'Australia/Lord_Howe', '2025-04-05T00:00Z')[0]).toEqual(['2025-04-06 01:45:00', '+11:00', 'clocks show this twice: the first time']);
    expect(listed('30 2 * * *', 'Africa/Casablanca', '2025-02-22T12:00Z').slice(0, 2)).toEqual([
      ['2025-02-23 02:30:00', '+01:00', 'clocks show this twice: the first time'],
      ['2025-02-24 02:30:00', '+00:00', 'clocks go back from 03:00 to 02:00 before this'],
    ]);
    expect(listed('30 2 * * *', 'Africa/Casablanca', '2025-04-05T12:00Z')[0]).toEqual(['2025-04-06 03:00:00', '+01:00', 'clocks go forward from 02:00 to 03:00: stands for 02:30']);
    expect(listed('0 12 * * *', 'Pacific/Apia', '2011-12-29T12:00Z').slice(0, 2)).toEqual([
      ['2011-12-29 12:00:00', '-10:00', undefined],
      ['2011-12-31 12:00:00', '+14:00', 'clocks go forward from 2011-12-30 00:00 to 2011-12-31 00:00 before this: 2011-12-30 12:00 left out'],
    ]);
  });

  it('name the months that do not have the day', () => {
    expect(listed('0 0 31 * *', 'UTC', '2025-01-30T00:00Z')).toEqual([
      ['2025-01-31 00:00:00', '+00:00', undefined],
      ['2025-03-31 00:00:00', '+00:00', 'there is no day 31 in 2025-02'],
      ['2025-05-31 00:00:00', '+00:00', 'there is no day 31 in 2025-04'],
    ]);
    expect(explain(calendar({ every: 'P1M', anchor: '2025-01-31T09:00', tz: 'UTC' }), { after: 0, count: 3 }).times.map(({ local, note }) => [local, note])).toEqual([
      ['2025-01-31 09:00:00', undefined],
      ['2025-02-28 09:00:00', 'the month has no day 31: its last day instead'],
      ['2025-03-31 09:00:00', undefined],
    ]);
  });

  it('leave out what would be said of every time of a rare trigger', () => {
    expect(listed('0 12 1 1 *', 'Europe/Paris', '2025-01-01T00:00Z').map(([, , note]) => note)).toEqual([undefined, undefined, undefined]);
  });

  it('tell the jitter of a task', () => {
    const spread = cron('0 9 * * *', { tz: 'UTC', jitter: '30s' });
    const [time] = explain(spread, { after: 0, count: 1, seed: 'backup' }).times;
    expect(time!.note).toBe(`starts ${spread.resolve(0, { seed: 'backup' }).jitterMs(time!.at) / 1_000} s later (jitter)`);
  });

  it('are there in Chinese', () => {
    expect(listed('30 2 * * *', 'America/New_York', '2025-03-08T12:00Z', { language: 'zh' })[0]![2]).toBe('时钟从 02:00 拨快到 03:00：代替 02:30');
    expect(listed('0 * * * *', 'America/New_York', '2025-11-02T04:30Z', { language: 'zh' })[1]![2]).toBe('此前时钟从 02:00 拨慢到 01:00；时钟两次显示此时刻：第二次');
    expect(listed('0 0 31 * *', 'UTC', '2025-01-30T00:00Z', { language: 'zh' })[1]![2]).toBe('2025-02 没有 31 日');
  });
});

describe('explain of triggers', () => {
  it('takes one that depends on its creation as created then', () => {
    const { times, sentence, end } = explain(after({ delay: '30m' }), { after: Date.parse('2026-01-01T00:00Z') });
    expect(sentence).toBe('once, 30 minutes after it is created');
    expect(times.map(({ iso }) => iso)).toEqual(['2026-01-01T00:30:00.000Z']);
    expect(end).toBe('ended');
  });

  it('says why there are no more times', () => {
    const never = explain('H H * * *', 'UTC', { after: 0 });
    expect([never.times, never.end]).toEqual([[], 'unresolved']);
    expect(never.text).toContain('its times depend on a seed, which is not given');
    expect(explain('H H * * *', 'UTC', { after: 0, seed: 'backup', count: 1 }).times).toHaveLength(1);
    const ended = explain(date({ at: '2026-01-01T09:00', tz: 'Asia/Shanghai' }), { after: 0 });
    expect([ended.times.length, ended.end, ended.tz]).toEqual([1, 'ended', 'Asia/Shanghai']);
    expect(ended.text.endsWith('  no more times\n')).toBe(true);
  });

  it('has no times where the limits leave none to what is created now', () => {
    const over = interval({ every: '1h', endAt: '2025-01-01T00:00Z', maxRuns: 1 });
    expect(explain(over, { after: Date.parse('2026-01-01T00:00Z') })).toMatchObject({ times: [], end: 'ended' });
  });

  it('stops where finding takes too long', () => {
    const rare = and([interval({ every: 1, anchor: 0 }), interval({ every: 999_999_937, anchor: 5 }), interval({ every: 999_999_929, anchor: 5 })]);
    const { times, end, text } = explain(rare, { after: 0 });
    expect(times.map(({ at }) => at)).toEqual([5]);
    expect(end).toBe('too-sparse');
    expect(text).toContain('the next time takes too long to find');
  });

  it('shows local times of the one zone that there is, or of the one asked for', () => {
    const paris = cron('0 9 * * *', { tz: 'Europe/Paris' });
    const at9 = { after: Date.parse('2026-01-01T00:00Z'), count: 1 };
    expect(explain(or([paris, cron('0 10 * * *', { tz: 'Europe/Paris' })]), at9)).toMatchObject({ tz: 'Europe/Paris', times: [{ local: '2026-01-01 09:00:00', offset: '+01:00' }] });
    expect(explain(or([paris, cron('0 10 * * *', { tz: 'UTC' })]), at9)).toMatchObject({ tz: 'UTC', times: [{ local: '2026-01-01 08:00:00' }] });
    expect(explain(paris, { ...at9, tz: 'Asia/Kolkata' })).toMatchObject({ tz: 'Asia/Kolkata', times: [{ local: '2026-01-01 13:30:00', offset: '+05:30' }] });
    expect(explain(interval({ every: 1_500, anchor: 250 }), { after: 0, count: 1 })).toMatchObject({ tz: 'UTC', times: [{ local: '1970-01-01 00:00:00.250' }] });
  });

  it('knows what begins when clocks still show 1969', () => {
    const evenings = calendar({ every: 'P1D', anchor: '1969-12-31T20:00', tz: 'America/New_York' });
    expect(explain(evenings, { after: 0, count: 1 }).times[0]!.local).toBe('1969-12-31 20:00:00');
  });

  it('ends where the seed makes a day that never comes', () => {
    const trigger = cron('0 9 H(30-31) 2,4 *', { tz: 'UTC' });
    const never = Array.from({ length: 20 }, (_, index) => `task-${index}`).find((seed) => explain(trigger, { after: 0, seed, count: 1 }).end === 'ended')!;
    expect(() => trigger.resolve(0, { seed: never })).toThrow(expect.objectContaining({ code: 'ERR_CRON_SYNTAX', rule: 'never comes: month 2,4 has at most 30 days' }));
  });

  it('knows a date that clocks skip', () => {
    expect(explain(date({ at: '2025-03-09T02:30', tz: 'America/New_York' }), { after: 0 }).times[0]!.note).toBe('clocks go forward from 02:00 to 03:00: stands for 02:30');
  });
});
