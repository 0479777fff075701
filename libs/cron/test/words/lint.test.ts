import { after, calendar, cron, date, interval, lintTrigger, or, parseTrigger, type LintOptions, type LintRule, type LintWarning } from '@staddle/cron';
import { describe, expect, it } from 'vitest';

const FROM = Date.parse('2026-11-20T00:00Z');

function lint(expression: string, options: LintOptions & { tz?: string; dst?: object } = {}): readonly LintWarning[] {
  return lintTrigger(cron(expression, { tz: options.tz ?? 'UTC', dst: options.dst }), { from: FROM, ...options });
}

function rules(expression: string, options?: LintOptions & { tz?: string; dst?: object }): LintRule[] {
  return lint(expression, options).map(({ rule }) => rule);
}

const RULES: readonly (readonly [rule: LintRule, hits: readonly string[], misses: readonly string[]])[] = [
  [
    'uneven-step',
    ['*/45 * * * *', '*/7 * * * *', '0 */5 * * *', '0 0 */2 * *', '0 0 1 */5 *', '0 0 * * */2', '*/7 * * * * *', '0-59/25 * * * *', 'H/7 * * * *'],
    ['*/15 * * * *', '0 */6 * * *', '0 0 1 */3 *', '*/1 * * * *', '0-30/7 * * * *', 'H/15 * * * *', '0 0 */1 * *', '0 0 0 1 1 ? */3'],
  ],
  ['either-day', ['0 0 13 * FRI', '0 0 1-7 * MON', '0 0 L * SUN'], ['0 0 13 * +FRI', '0 0 13 * *', '0 0 ? * FRI', '0 0 */2 * FRI']],
  ['stepped-day', ['0 0 */2 * MON', '0 0 1 * */2', '0 0 *,15 * MON'], ['0 0 */2 * *', '0 0 */2 * +MON', '0 0 2 * MON', '0 0 */2 * */3']],
  ['open-step', ['5/15 * * * *', '0/15 * * * *', '0 0 1/5 * *'], ['*/15 * * * *', '5-59/15 * * * *', '5 * * * *']],
  ['short-month', ['0 0 31 * *', '0 0 30 * *', '0 0 29 * *', '0 0 31W * *', '0 0 1,31 * *', '0 0 L-29 * *', '0 0 31 APR,MAY *', '0 0 * * MON#5'], ['0 0 28 * *', '0 0 31 JAN,MAR *', '0 0 25-31 * *', '0 0 L * *', '0 0 30 NOV-DEC *', '0 0 * * MON#4', '0 0 * * MONL']],
  ['leap-day', ['0 0 29 2 *', '0 0 29 FEB ?'], ['0 0 28 2 *', '0 0 29 1 *', '0 0 29 * *']],
  ['whole-range', ['0-59 * * * *', '0 0-23 * * *', '0-59/5 * * * *', '0 0 1-31 * *', '0 0 * * 0-6', '0 0 1 * SUN-SAT', '0 0 * * MON-SUN', '0 18-17 * * *'], ['* * * * *', '0-58 * * * *', '0 0 1 1-12 *', '0-59 0 0 * * *']],
  ['wrapped-range', ['0 22-2 * * *', '0 0 * * FRI-MON', '0 0 1 NOV-FEB *', '50-10 * * * *'], ['0 2-22 * * *', '0 0 * * MON-SUN', '0 0 * * SAT-SUN', '0 0 * * 5-7']],
  ['numeric-weekday', ['0 0 0 ? * 2', '0 0 ? * 2', '0 0 0 * * 1-5', '0 0 0 ? * 2#1', '0 0 0 ? * 6L', '0 0 0 ? * MON,3'], ['0 0 * * 2', '0 0 0 ? * MON', '0 0 0 ? * MON#2', '0 0 0 ? * */2', '0 0 0 ? * MON-FRI/2', '0 0 0 ? * H']],
  ['limited-years', ['0 0 0 1 1 ? 2020', '0 0 0 1 1 ? 2027', '0 0 0 1 1 ? 2020,2028', '0 0 0 1 1 ? 2020-2029/4'], ['0 0 0 1 1 ? 2035', '0 0 0 1 1 ? *', '0 0 0 1 1 ? 2026/2', '0 0 0 1 1 ?']],
];

describe('lintTrigger', () => {
  it.each(RULES.flatMap(([rule, hits]) => hits.map((expression) => [expression, rule] as const)))('warns of %s: %s', (expression, rule) => {
    expect(rules(expression)).toContain(rule);
  });

  it.each(RULES.flatMap(([rule, , misses]) => misses.map((expression) => [expression, rule] as const)))('does not warn of %s: %s', (expression, rule) => {
    expect(rules(expression)).not.toContain(rule);
  });

  it('says nothing of ordinary expressions', () => {
    for (const expression of ['*/5 * * * *', '0 9 * * MON-FRI', '0 0 1 * *', '0 0 * * *', '30 4 L * *', '0 */2 * * *', '15 10 * * 1']) expect([expression, rules(expression)]).toEqual([expression, []]);
  });

  it('names the place and what is there', () => {
    expect(lint('0 */5,7 13 * FRI')).toEqual([
      { rule: 'uneven-step', message: '*/5 in hour is not every 5: it begins again with each day, so that 0 follows 20 after 4', field: 'expr', part: 'hour', value: '*/5', position: 2 },
      { rule: 'either-day', message: 'day of month 13 or day of week FRI: either is enough; write +FRI for both', field: 'expr', part: 'day of week', value: 'FRI', position: 13 },
    ]);
  });

  it('speaks Chinese', () => {
    expect(lint('*/45 * 31 * *', { language: 'zh' }).map(({ message }) => message)).toEqual([
      '分字段中的 */45 间隔并不均匀：每到下一小时就重新开始，45 之后隔 15 便是 0',
      '31 会跳过不足 31 天的月份（2、4、6、9、11 月）；L 表示每月最后一天',
    ]);
  });

  it('says the same number of things in both languages, and all of them different', () => {
    for (const [, hits] of RULES) {
      for (const expression of hits) {
        const [english, chinese] = [lint(expression), lint(expression, { language: 'zh' })];
        expect(chinese.map(({ rule }) => rule)).toEqual(english.map(({ rule }) => rule));
        for (const [index, { message }] of english.entries()) expect(message).not.toBe(chinese[index]!.message);
      }
    }
  });
});

describe('lintTrigger at clock changes', () => {
  it('names the times that clocks skip, when, and what becomes of them', () => {
    const at = [Date.parse('2027-03-28T01:00Z'), Date.parse('2028-03-26T01:00Z')];
    const messages = [undefined, { gap: 'shift' }, { gap: 'skip' }].map((dst) => lint('30 2 * * *', { tz: 'Europe/Paris', dst: dst ?? {} }).find(({ rule }) => rule === 'in-gap'));
    expect(messages.map((warning) => warning?.message)).toEqual([
      'clocks skip 02:30 on 2027-03-28, 02:30 on 2028-03-26: it runs at the jump',
      'clocks skip 02:30 on 2027-03-28, 02:30 on 2028-03-26: it is moved by the length of the gap',
      'clocks skip 02:30 on 2027-03-28, 02:30 on 2028-03-26: it is left out',
    ]);
    for (const warning of messages) expect(warning).toMatchObject({ field: 'expr', value: '30 2 * * *', at });
  });

  it('names the times that clocks show twice', () => {
    const messages = ['first', 'second', 'both'].map((overlap) => lint('15,45 1 * * *', { tz: 'America/New_York', dst: { overlap }, horizonMs: 365 * 86_400_000, from: Date.parse('2025-06-01T00:00Z') }));
    expect(messages.map((warnings) => warnings.map(({ rule, message, at }) => [rule, message, at]))).toEqual(
      ['runs the first time', 'runs the second time', 'runs both times'].map((then) => [['in-overlap', `clocks show 01:15, 01:45 on 2025-11-02 twice: it ${then}`, [Date.parse('2025-11-02T06:00Z')]]]),
    );
  });

  it('keeps the list short', () => {
    const [warning] = lint('0-59 2 * * *', { tz: 'America/New_York', horizonMs: 20 * 366 * 86_400_000 });
    expect(warning!.rule).toBe('whole-range');
    const gap = lint('0-50/10 2 * * *', { tz: 'America/New_York', horizonMs: 5 * 366 * 86_400_000 });
    expect(gap.map(({ message }) => message)).toEqual(['clocks skip 02:00, 02:10, 02:20 and more on 2027-03-14, 02:00, 02:10, 02:20 and more on 2028-03-12, 02:00, 02:10, 02:20 and more on 2029-03-11 and more: it runs at the jump']);
  });

  it('looks only where the trigger has times', () => {
    const ended = cron('30 2 * * *', { tz: 'Europe/Paris', startAt: '2026-12-01T00:00', endAt: '2027-02-01T00:00' });
    expect(lintTrigger(ended, { from: FROM })).toEqual([]);
    expect(rules('30 2 1 1 *', { tz: 'Europe/Paris' })).toEqual([]);
    expect(rules('30 2 * * *', { tz: 'Europe/Paris', horizonMs: 86_400_000 })).toEqual([]);
    expect(rules('30 2 * * *', { tz: 'Asia/Shanghai' })).toEqual([]);
  });

  it('leaves expressions alone that follow the clock, and says when their policy does nothing', () => {
    expect(rules('*/30 2 * * *', { tz: 'Europe/Paris' })).toEqual([]);
    expect(lint('*/30 2 * * *', { tz: 'Europe/Paris', dst: { gap: 'skip' } })).toEqual([
      { rule: 'unused-policy', message: '*/30 2 * * * follows the clock, so that no policy for clock changes applies', field: 'dst', value: '{"gap":"skip"}' },
    ]);
  });

  it('does not count a move of the date line', () => {
    expect(rules('0 12 30 12 *', { tz: 'Pacific/Apia', from: Date.parse('2011-12-01T00:00Z'), horizonMs: 60 * 86_400_000 })).toEqual([]);
  });

  it('knows dates and calendars too', () => {
    const NEW_YORK = 'America/New_York';
    const skipped = lintTrigger(date({ at: '2025-03-09T02:30', tz: NEW_YORK }), { from: FROM });
    expect(skipped).toMatchObject([{ rule: 'in-gap', field: 'at', value: '2025-03-09T02:30:00' }]);
    expect(lintTrigger(date({ at: '2025-11-02T01:30', tz: NEW_YORK }))).toMatchObject([{ rule: 'in-overlap', field: 'at' }]);
    expect(lintTrigger(date({ at: '2025-11-02T01:30', tz: NEW_YORK, fold: 1 }))).toEqual([]);
    expect(lintTrigger(date({ at: '2025-11-03T01:30', tz: NEW_YORK }))).toEqual([]);
    expect(lintTrigger(date({ at: '2025-11-03T01:30Z' }))).toEqual([]);
    const daily = calendar({ every: 'P1D', anchor: '2025-01-01T02:30', tz: NEW_YORK });
    expect(lintTrigger(daily, { from: FROM }).map(({ rule, field }) => [rule, field])).toEqual([['in-gap', 'anchor']]);
    expect(lintTrigger(calendar({ every: 'P1D', tz: NEW_YORK }), { from: FROM })).toEqual([]);
  });
});

describe('lintTrigger of zones, periods and nesting', () => {
  it.each([
    ['US/Eastern', 'America/New_York'],
    ['Asia/Calcutta', 'Asia/Kolkata'],
    ['Europe/Kiev', 'Europe/Kyiv'],
    ['Asia/Chongqing', 'Asia/Shanghai'],
    ['Etc/UTC', 'UTC'],
  ])('names %s as %s', (tz, canonical) => {
    expect(lint('0 12 * * *', { tz })).toEqual([{ rule: 'zone-alias', message: `${tz} is another name of ${canonical}`, field: 'tz', value: tz }]);
  });

  it.each(['Asia/Kolkata', 'Europe/Kyiv', 'America/Argentina/Buenos_Aires', 'Asia/Ho_Chi_Minh', 'Europe/Amsterdam', 'Pacific/Kanton', 'UTC'])('knows %s as canonical', (tz) => {
    expect(rules('0 12 * * *', { tz })).toEqual([]);
  });

  it('warns of two times closer together than allowed', () => {
    expect(rules('* * * * *', { minPeriodMs: 60_000 })).toEqual([]);
    expect(lint('0,1 3 * * *', { minPeriodMs: 300_000 })).toEqual([{ rule: 'fast', message: 'two of its times are 60000 ms apart, less than 300000 ms', field: 'expr', value: '0,1 3 * * *' }]);
    expect(lintTrigger(interval({ every: '10s', anchor: 0 }), { minPeriodMs: 60_000 })).toMatchObject([{ rule: 'fast', field: 'every', value: 'PT10S' }]);
    expect(lintTrigger(or([cron('0 0 * * *', { tz: 'UTC' }), cron('1 0 * * *', { tz: 'UTC' })]), { minPeriodMs: 300_000 })).toMatchObject([{ rule: 'fast', field: 'of', value: 'or' }]);
    expect(lintTrigger(interval({ every: '10s' }), { minPeriodMs: 60_000 })).toEqual([]);
  });

  it('looks into triggers and exclusions, and gives the path', () => {
    const nested = or([cron('0 9 * * *', { tz: 'UTC' }), cron('*/7 * * * *', { tz: 'Europe/Kiev', exclude: [cron('30 2 31 * *', { tz: 'Europe/Paris' })] })]);
    expect(lintTrigger(nested, { from: FROM }).map(({ rule, field }) => [rule, field])).toEqual([
      ['uneven-step', 'of.1.expr'],
      ['zone-alias', 'of.1.tz'],
      ['short-month', 'of.1.exclude.0.expr'],
    ]);
  });

  it('takes JSON, and refuses what is no trigger', () => {
    const json = cron('*/45 * * * *', { tz: 'UTC' }).toJSON();
    expect(lintTrigger(json).map(({ rule }) => rule)).toEqual(['uneven-step']);
    expect(() => lintTrigger({ ...json, expr: '*/90 * * * *' } as never)).toThrow(expect.objectContaining({ code: 'ERR_CRON_SYNTAX' }));
    expect(() => lintTrigger({ ...json, tz: 'Mars/Olympus' } as never)).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER' }));
    for (const what of [null, 'x', { toJSON: 1 }]) expect(() => lintTrigger(what as never)).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER' }));
    expect(parseTrigger(json).hash).toBe(cron('*/45 * * * *', { tz: 'UTC' }).hash);
    expect(lintTrigger(after({ delay: '30m' }))).toEqual([]);
  });

  it('counts from now by default', () => {
    const year = new Date().getUTCFullYear();
    const last = (years: number): LintRule[] => lintTrigger(cron(`0 0 0 1 1 ? ${year + years}`, { tz: 'UTC' })).map(({ rule }) => rule);
    expect(last(1)).toEqual(['limited-years']);
    expect(last(5)).toEqual([]);
  });
});
