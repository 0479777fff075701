import { CronExpressionParser } from 'cron-parser';
import { fromBullmq } from '@staddle/cron/import';
import { describe, expect, it } from 'vitest';

const FROM = Date.UTC(2025, 0, 1);
const TO = Date.UTC(2026, 0, 1);
const YEAR = [[FROM, TO]] as const;
// With the clock changes of both zones.
const CHANGES = [
  [Date.UTC(2025, 2, 7), Date.UTC(2025, 3, 1)],
  [Date.UTC(2025, 9, 24), Date.UTC(2025, 10, 4)],
] as const;
const FREQUENT = ['0 */2 * * *', '0 * * * *', '*/20 1 * * *', '0,30 1-3 * * *', '15 30 * * * *', '* 2 * * *', '5/15 3 * * *', '? 3 * * *', '1 * *'];
const PATTERNS = [
  '30 2 * * *', '30 1 * * *', '0 2 * * *',
  '0 9 * * 1-5', '0 9 * * MON-FRI', '0 9 * * 5L', '0 9 * * 1,5L', '0 9 * * 2#3', '0 9 * * fri#1', '0 9 * * */2', '0 9 * * 1/2', '0 9 * * 7', '0 9 * * 5-7', '0 9 * * 0-7',
  '0 9 L * *', '0 9 1,L * *', '0 9 13 * 5', '0 9 */2 * 1', '0 9 */10 * *', '0 9 1 * */2', '0 9 1-31 * 1', '0 9 1 * 0-6', '0 0 1 jan,jul *',
  '0 9 ? * 3', '@weekdays', '@weekends', '@monthly', '30 0 9 * * sun',
];

// BullMQ asks cron-parser, so its times are those of cron-parser.
describe('a pattern', () => {
  it.each(PATTERNS.concat(FREQUENT))('%s has the times of cron-parser', (pattern) => {
    for (const tz of ['America/New_York', 'Europe/Berlin', 'Asia/Shanghai']) {
      const { trigger, notes } = fromBullmq({ pattern, tz });
      for (const [from, to] of FREQUENT.includes(pattern) ? CHANGES : YEAR) {
        const expression = CronExpressionParser.parse(pattern, { tz, currentDate: new Date(from - 1) });
        const theirs: number[] = [];
        for (let at = expression.next().getTime(); at < to; at = expression.next().getTime()) theirs.push(at);
        expect(trigger.between(from, to, 100_000), tz).toEqual(theirs);
      }
      expect(notes.some(({ rule }) => rule === 'clock_change'), tz).toBe(tz !== 'Asia/Shanghai');
    }
  });

  it.each(['', '0 9 * * * * *', 'H 9 * * *', '0 24 * * *', '0 9 * * L', '0 9 5-1 * *', '0 9 * * 1#6', '0 0 30 2 *', '@reboot'])('%j is refused', (pattern) => {
    expect(() => fromBullmq({ pattern, tz: 'UTC' })).toThrow(expect.objectContaining({ code: 'ERR_CRON_IMPORT', system: 'bullmq', field: 'pattern' }));
  });

  it.each([
    ['an hour after midnight that clocks repeat', 'America/Havana', '30 0 * * *', '2025-11-02'],
    ['clocks that change by two hours', 'Antarctica/Troll', '0,30 1,2 * * *', '2025-03-30'],
  ])('has a note of %s, which cron-parser reads in another way', (_, tz, pattern, day) => {
    const { trigger, notes } = fromBullmq({ pattern, tz });
    const from = Date.parse(day) - 86_400_000;
    const expression = CronExpressionParser.parse(pattern, { tz, currentDate: new Date(from) });
    const theirs = Array.from({ length: 10 }, () => expression.next().getTime());
    expect(trigger.between(from, Infinity, 10)).not.toEqual(theirs);
    expect(notes.find(({ rule }) => rule === 'clock_change')!.message).toMatch(/hour after midnight.*more or less than an hour/);
  });

  it('of a Thursday has no H', () => {
    expect(fromBullmq({ pattern: '0 9 * * MON,THU' }, { tz: 'UTC' }).trigger.toJSON()).toMatchObject({ expr: '0 9 * * 1,4' });
  });

  it('needs a zone, its own or that of the process', () => {
    expect(fromBullmq({ pattern: '0 9 * * *' }, { tz: 'Asia/Tokyo' }).trigger.toJSON()).toMatchObject({ tz: 'Asia/Tokyo' });
    expect(() => fromBullmq({ pattern: '0 9 * * *' })).toThrow(expect.objectContaining({ field: 'tz' }));
  });

  it('begins after the start date and ends with the end date', () => {
    const { trigger } = fromBullmq({ pattern: '0 9 * * *', tz: 'UTC', startDate: '2026-03-01T09:00:00Z', endDate: Date.UTC(2026, 2, 3, 9) });
    expect(trigger.between(FROM, Date.UTC(2030, 0), 10)).toEqual([Date.UTC(2026, 2, 2, 9), Date.UTC(2026, 2, 3, 9)]);
  });

  it('makes up to limit runs, less those that were made', () => {
    const nine = { pattern: '0 9 * * *', tz: 'UTC', limit: 5, iterationCount: 3 };
    const { trigger, notes } = fromBullmq({ ...nine, startDate: new Date(FROM) });
    const fourth = Date.UTC(2025, 0, 4, 9); // three were made from the start on
    expect(trigger.between(fourth, TO, 10)).toEqual([fourth, Date.UTC(2025, 0, 5, 9)]);
    expect(notes.map(({ rule }) => rule)).toContain('run_count');
    for (const given of [nine, { ...nine, startDate: new Date(FROM) }]) {
      expect(fromBullmq({ ...given, next: fourth }).trigger.between(FROM, TO, 10)).toEqual([fourth, Date.UTC(2025, 0, 5, 9)]);
    }
    expect(fromBullmq(nine).trigger.resolve(fourth - 1).between(FROM, TO, 10)).toEqual([fourth, Date.UTC(2025, 0, 5, 9)]);
    expect(fromBullmq({ every: 86_400_000, limit: 5, count: 3, startDate: FROM }).trigger.between(FROM, TO, 10)).toHaveLength(5);
    expect(fromBullmq({ every: 86_400_000, limit: 5, count: 3, startDate: FROM, next: fourth }).trigger.between(FROM, TO, 10)).toEqual([fourth, Date.UTC(2025, 0, 5, 9)]);
    expect(() => fromBullmq({ pattern: '0 9 * * *', tz: 'UTC', limit: 5, count: 5 })).toThrow(expect.objectContaining({ field: 'limit' }));
  });

  it('that also runs immediately has a note of it', () => {
    expect(fromBullmq({ pattern: '0 9 * * *', tz: 'UTC', immediately: true }).notes).toContainEqual(expect.objectContaining({ rule: 'first_run', field: 'immediately' }));
  });
});

describe('an interval', () => {
  it('keeps to the grid of its next run, of its start date or of its offset', () => {
    expect(fromBullmq({ every: 60_000, next: Date.UTC(2026, 0, 1, 0, 0, 7), offset: 1_000 }).trigger.toJSON()).toEqual({ v: 1, kind: 'interval', every: 'PT1M', anchor: '2026-01-01T00:00:07.000Z' });
    expect(fromBullmq({ every: 60_000, startDate: Date.UTC(2026, 0, 1) }).trigger.next(0)).toBe(Date.UTC(2026, 0, 1));
    expect(fromBullmq({ every: 60_000, offset: 7_000 }).trigger.next(Date.UTC(2026, 0, 1))).toBe(Date.UTC(2026, 0, 1, 0, 0, 7));
  });

  it('without any of them counts from the creation', () => {
    const { trigger, notes } = fromBullmq({ every: 60_000, endDate: TO });
    expect(trigger.resolve(FROM).next(FROM)).toBe(FROM + 60_000);
    expect(notes.map(({ rule }) => rule)).toEqual(['overlap', 'missed_runs', 'first_run', 'run_count']);
  });
});

it.each([
  ['pattern', {}],
  ['pattern', { pattern: '0 9 * * *', every: 5 }],
  ['every', { every: 0 }],
  ['cron', { cron: '0 9 * * *' }],
  ['startDate', { every: 5, startDate: '2026-03-01T09:00:00' }],
  ['endDate', { every: 5, endDate: 'soon' }],
  ['limit', { every: 5, limit: 0 }],
  ['repeat', '0 9 * * *'],
])('options with a bad %s are refused', (field, options) => {
  expect(() => fromBullmq(options, { tz: 'UTC' })).toThrow(expect.objectContaining({ code: 'ERR_CRON_IMPORT', field }));
});
