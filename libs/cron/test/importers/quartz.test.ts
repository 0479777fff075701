import { fromQuartz } from '@staddle/cron/import';
import { describe, expect, it } from 'vitest';

const TZ = { tz: 'UTC' };

function expressionOf(expression: string): unknown {
  return (fromQuartz(expression, TZ).trigger.toJSON() as { expr?: unknown }).expr;
}

describe('a Quartz expression', () => {
  it.each([
    ['0 30 9 ? * 2-6', '30 9 ? * 1-5'],
    ['0 30 9 ? * MON-FRI', '30 9 ? * 1-5'],
    ['0 30 9 ? * FRI-MON', '30 9 ? * 0,1,5,6'],
    ['0 30 9 ? * L', '30 9 ? * 6'],
    ['0 30 9 ? * 6L', '30 9 ? * 5L'],
    ['0 30 9 ? * 6#3', '30 9 ? * 5#3'],
    ['0 30 9 LW * ?', '30 9 LW * ?'],
    ['0 30 9 L-3W * ?', '30 9 L-3W * ?'],
    ['15 0/20 9 15W * ?', '15 0-59/20 9 15W * ?'],
    ['0 0 22-2 * * ?', '0 0-2,22,23 * * ?'],
    ['/20 * * * * ?', '*/20 * * * * ?'],
    ['0 0 0 1 1 ? 2030', '0 0 0 1 1 ? 2030'],
    ['0 0 0 1 1 ? 2030-2032,2040', '0 0 0 1 1 ? 2030-2032,2040'],
    ['0 0 0 ? JAN,JUL SUN', '0 0 ? 1,7 0'],
  ])('%s is %s', (expression, expr) => {
    expect(expressionOf(expression)).toBe(expr);
  });

  it.each([
    ['expression', '0 0 9 * *'],
    ['expression', '0 0 9 * * *'],
    ['expression', '0 0 9 ? * ?'],
    ['expression', '0 0 9 30 2 ?'],
    ['minute', '0 60 9 * * ?'],
    ['hour', '0 0 24 * * ?'],
    ['hour', '0 0 MON * * ?'],
    ['day of month', '0 0 9 L-3X * ?'],
    ['day of month', '0 0 9 32 * ?'],
    ['day of week', '0 0 9 ? * 0'],
    ['day of week', '0 0 9 ? * 8'],
    ['day of week', '0 0 9 ? * FRI#L'],
    ['day of week', '0 0 9 ? * 1,6L'],
    ['year', '0 0 9 * * ? 2200'],
    ['year', '0 0 9 * * ? 2030-2029'],
  ])('with a bad %s is refused: %s', (field, expression) => {
    expect(() => fromQuartz(expression, TZ)).toThrow(expect.objectContaining({ code: 'ERR_CRON_IMPORT', system: 'quartz', field }));
  });

  it('is read without what Quartz does not read', () => {
    const { trigger, notes } = fromQuartz('0 0 9 ? * MONDAY-FRIDAY', TZ);
    expect(trigger.toJSON()).toMatchObject({ expr: '0 9 ? * 1' });
    expect(notes[0]).toEqual({ rule: 'ignored_text', message: 'Quartz reads MONDAY-FRIDAY as MON, and so does this trigger', field: 'day of week' });
  });

  it('needs a zone', () => {
    expect(() => fromQuartz('0 0 9 * * ?', { tz: '' })).toThrow(expect.objectContaining({ field: 'tz' }));
  });

  it.each([
    [undefined, 'latest'],
    ['fire_once_now', 'latest'],
    ['do_nothing', 'none'],
    ['ignore', 'all'],
  ] as const)('with the misfire instruction %s runs %s of the late runs', (misfire, mode) => {
    expect(fromQuartz('0 0 9 * * ?', { ...TZ, misfire }).options).toEqual({ overlap: 'allow', misfire: { mode } });
  });

  it('with another misfire instruction is refused', () => {
    expect(() => fromQuartz('0 0 9 * * ?', { ...TZ, misfire: 'later' as 'smart' })).toThrow(expect.objectContaining({ field: 'misfire' }));
  });
});
