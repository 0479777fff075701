import { holidayCalendar, parseTrigger } from '@staddle/cron';
import { describe, expect, it } from 'vitest';

const CALENDARS = [holidayCalendar({ name: 'cn', days: ['2026-10-01'] })];

const TRIGGERS: readonly (readonly [json: object, english: string, chinese: string])[] = [
  [{ kind: 'cron', expr: '30 2 * * *', tz: 'Europe/Paris' }, 'at 02:30 every day (Europe/Paris)', '每天 02:30（Europe/Paris）'],
  [{ kind: 'cron', expr: '30 2 * * *', tz: 'Europe/Paris', dst: { gap: 'skip' } }, 'at 02:30 every day (Europe/Paris); times that clocks skip are left out', '每天 02:30（Europe/Paris）；被时钟跳过的时刻不执行'],
  [{ kind: 'cron', expr: '30 2 * * *', tz: 'Europe/Paris', dst: { gap: 'shift', overlap: 'both' } }, 'at 02:30 every day (Europe/Paris); times that clocks skip are moved by the length of the gap; times that clocks show twice run both times', '每天 02:30（Europe/Paris）；被时钟跳过的时刻按跳变时长顺延；重复出现的时刻两次都执行'],
  [{ kind: 'cron', expr: '30 2 * * *', tz: 'Europe/Paris', dst: { overlap: 'second' } }, 'at 02:30 every day (Europe/Paris); times that clocks show twice run the second time', '每天 02:30（Europe/Paris）；重复出现的时刻只在第二次执行'],
  [{ kind: 'cron', expr: '*/5 * * * *', tz: 'Europe/Paris', dst: { gap: 'skip' } }, 'every 5 minutes (Europe/Paris)', '每 5 分钟（Europe/Paris）'],
  [{ kind: 'cron', expr: '0 9 * * *', tz: 'Asia/Shanghai', startAt: '2026-01-01T00:00:00', endAt: '2026-12-31T23:59:59', maxRuns: 10 }, 'at 09:00 every day (Asia/Shanghai), from 2026-01-01 00:00, until 2026-12-31 23:59:59, at most 10 times', '每天 09:00（Asia/Shanghai），自 2026-01-01 00:00 起，至 2026-12-31 23:59:59 止，最多 10 次'],
  [{ kind: 'cron', expr: '0 9 * * *', tz: 'Asia/Shanghai', startAt: '2026-01-01T00:00:00.250Z', maxRuns: 1 }, 'at 09:00 every day (Asia/Shanghai), from 2026-01-01 00:00:00.250 UTC, one time only', '每天 09:00（Asia/Shanghai），自 2026-01-01 00:00:00.250 UTC 起，只执行一次'],
  [{ kind: 'cron', expr: '0 9 * * MON-FRI', tz: 'Asia/Shanghai', exclude: ['cn'], jitter: 'PT30S', seed: 'x' }, 'at 09:00, Monday to Friday (Asia/Shanghai), except on the days of `cn`, each up to 30 seconds later', '周一至周五 09:00（Asia/Shanghai），`cn` 中的日期除外，每次随机延后不超过 30 秒'],
  [{ kind: 'cron', expr: '0 9 * * *', tz: 'UTC', exclude: [{ kind: 'cron', expr: '0 9 1 1 *', tz: 'UTC' }], jitter: 'PT1M30S' }, 'at 09:00 every day (UTC), except “at 09:00 on the 1st of January (UTC)”, each up to 1 minute 30 seconds later', '每天 09:00（UTC），「每年 1 月 1 日 09:00（UTC）」除外，每次随机延后不超过 1 分钟 30 秒'],
  [{ kind: 'interval', every: 'PT15M', anchor: '2026-01-01T00:00:00Z' }, 'every 15 minutes, counted from 2026-01-01 00:00 UTC', '每 15 分钟，从 2026-01-01 00:00 UTC 起算'],
  [{ kind: 'interval', every: 'PT1H30M', anchor: '2026-01-01T00:00:30Z' }, 'every 1 hour 30 minutes, counted from 2026-01-01 00:00:30 UTC', '每 1 小时 30 分钟，从 2026-01-01 00:00:30 UTC 起算'],
  [{ kind: 'interval', every: 'P1D', anchor: '2026-01-01T00:00:00Z' }, 'every 24 hours, counted from 2026-01-01 00:00 UTC', '每 24 小时，从 2026-01-01 00:00 UTC 起算'],
  [{ kind: 'interval', every: 'P7D', anchor: '2026-01-01T00:00:00Z' }, 'every 7 days of 24 hours, counted from 2026-01-01 00:00 UTC', '每 7 天（按每天 24 小时计），从 2026-01-01 00:00 UTC 起算'],
  [{ kind: 'interval', every: 'PT0.25S' }, 'every 250 milliseconds, counted from when it is created', '每 250 毫秒，从创建时起算'],
  [{ kind: 'interval', every: 'PT1H' }, 'every hour, counted from when it is created', '每小时，从创建时起算'],
  [{ kind: 'interval', every: 'PT15M', mode: 'delay' }, '15 minutes after the end of the last run, the first time 15 minutes after it is created', '上次运行结束 15 分钟后，首次在创建 15 分钟后'],
  [{ kind: 'interval', every: 'PT15M', mode: 'delay', anchor: '2026-01-01T00:00:00Z' }, '15 minutes after the end of the last run, the first time at 2026-01-01 00:00 UTC', '上次运行结束 15 分钟后，首次在 2026-01-01 00:00 UTC'],
  [{ kind: 'date', at: '2026-12-01T09:00:00', tz: 'Asia/Shanghai' }, 'once, at 2026-12-01 09:00 (Asia/Shanghai)', '2026-12-01 09:00 执行一次（Asia/Shanghai）'],
  [{ kind: 'date', at: '2025-11-02T01:30:00', tz: 'America/New_York', fold: 1 }, 'once, at 2025-11-02 01:30, the second time that clocks show it (America/New_York)', '2025-11-02 01:30（时钟第二次显示该时刻时）执行一次（America/New_York）'],
  [{ kind: 'date', at: '2026-12-01T09:00:00.250Z' }, 'once, at 2026-12-01 09:00:00.250 UTC', '2026-12-01 09:00:00.250 UTC 执行一次'],
  [{ kind: 'after', delay: 'PT30M' }, 'once, 30 minutes after it is created', '创建 30 分钟后执行一次'],
  [{ kind: 'after', delay: 'PT0S' }, 'once, when it is created', '创建后立即执行一次'],
  [{ kind: 'calendar', every: 'P1M', anchor: '2025-01-31T09:00:00', tz: 'Europe/Paris' }, 'every month on the 31st or the last day of the month at 09:00, counted from 2025-01-31 (Europe/Paris)', '每月 31 日（当月没有则取最后一天）09:00，从 2025-01-31 起算（Europe/Paris）'],
  [{ kind: 'calendar', every: 'P1M', anchor: '2025-01-31T09:00:00', tz: 'Europe/Paris', clamp: 'skip' }, 'every month on the 31st where there is one at 09:00, counted from 2025-01-31 (Europe/Paris)', '每月 31 日（当月没有则跳过）09:00，从 2025-01-31 起算（Europe/Paris）'],
  [{ kind: 'calendar', every: 'P3M', anchor: '2025-01-15T09:00:30', tz: 'Europe/Paris', dst: { gap: 'skip' } }, 'every 3 months on the 15th at 09:00:30, counted from 2025-01-15 (Europe/Paris); times that clocks skip are left out', '每 3 个月的 15 日 09:00:30，从 2025-01-15 起算（Europe/Paris）；被时钟跳过的时刻不执行'],
  [{ kind: 'calendar', every: 'P1Y', anchor: '2024-02-29T09:00:00', tz: 'Europe/Paris' }, 'every year on the 29th of February or the last day of the month at 09:00, counted from 2024-02-29 (Europe/Paris)', '每年 2 月 29 日（当月没有则取最后一天）09:00，从 2024-02-29 起算（Europe/Paris）'],
  [{ kind: 'calendar', every: 'P2Y', anchor: '2024-05-01T09:00:00', tz: 'Europe/Paris' }, 'every 2 years on the 1st of May at 09:00, counted from 2024-05-01 (Europe/Paris)', '每 2 年的 5 月 1 日 09:00，从 2024-05-01 起算（Europe/Paris）'],
  [{ kind: 'calendar', every: 'P1Y6M', anchor: '2024-05-01T09:00:00', tz: 'Europe/Paris' }, 'every 18 months on the 1st at 09:00, counted from 2024-05-01 (Europe/Paris)', '每 18 个月的 1 日 09:00，从 2024-05-01 起算（Europe/Paris）'],
  [{ kind: 'calendar', every: 'P1W', anchor: '2024-02-29T09:00:00', tz: 'Europe/Paris' }, 'every week on Thursday at 09:00, counted from 2024-02-29 (Europe/Paris)', '每周四 09:00，从 2024-02-29 起算（Europe/Paris）'],
  [{ kind: 'calendar', every: 'P2W', anchor: '2024-02-29T09:00:00', tz: 'Europe/Paris' }, 'every 2 weeks on Thursday at 09:00, counted from 2024-02-29 (Europe/Paris)', '每 2 周的周四 09:00，从 2024-02-29 起算（Europe/Paris）'],
  [{ kind: 'calendar', every: 'P1D', anchor: '2024-02-29T09:00:00', tz: 'Europe/Paris' }, 'every day at 09:00, counted from 2024-02-29 (Europe/Paris)', '每天 09:00，从 2024-02-29 起算（Europe/Paris）'],
  [{ kind: 'calendar', every: 'P10D', anchor: '2024-02-29T09:00:00', tz: 'Europe/Paris' }, 'every 10 days at 09:00, counted from 2024-02-29 (Europe/Paris)', '每 10 天 09:00，从 2024-02-29 起算（Europe/Paris）'],
  [{ kind: 'calendar', every: 'P1M3D', anchor: '2024-02-29T09:00:00', tz: 'Europe/Paris' }, 'every month and 3 days at 09:00, counted from 2024-02-29 (Europe/Paris)', '每 1 个月零 3 天 09:00，从 2024-02-29 起算（Europe/Paris）'],
  [{ kind: 'calendar', every: 'P1M', tz: 'Europe/Paris' }, 'every month, counted from when it is created (Europe/Paris)', '每月，从创建时起算（Europe/Paris）'],
  [{ kind: 'or', of: [{ kind: 'cron', expr: '30 2 * * *', tz: 'UTC' }, { kind: 'cron', expr: '0 9 * * MON', tz: 'UTC' }] }, 'at 02:30 every day (UTC); or at 09:00 on Monday (UTC)', '每天 02:30（UTC）；或每周一 09:00（UTC）'],
  [{ kind: 'or', of: [{ kind: 'cron', expr: '30 2 * * *', tz: 'UTC' }, { kind: 'cron', expr: '0 9 * * MON', tz: 'UTC' }], endAt: '2030-01-01T00:00:00Z' }, '“at 02:30 every day (UTC)”; or “at 09:00 on Monday (UTC)”, until 2030-01-01 00:00 UTC', '「每天 02:30（UTC）」；或「每周一 09:00（UTC）」，至 2030-01-01 00:00 UTC 止'],
  [{ kind: 'and', of: [{ kind: 'cron', expr: '0 9 * * *', tz: 'UTC' }, { kind: 'cron', expr: '0 * 13 * *', tz: 'UTC' }] }, 'whenever these come at the same time: at 09:00 every day (UTC); and every hour on the 13th of the month (UTC)', '下列时间重合时：每天 09:00（UTC）；且每月 13 日每小时（UTC）'],
  [{ kind: 'and', of: [{ kind: 'cron', expr: '0 9 * * *', tz: 'UTC' }, { kind: 'or', of: [{ kind: 'cron', expr: '5 9 * * MON', tz: 'UTC' }, { kind: 'cron', expr: '0 9 1 * *', tz: 'UTC' }] }], threshold: 'PT5M' }, 'whenever these come within 5 minutes, at the first of them: at 09:00 every day (UTC); and “at 09:05 on Monday (UTC); or at 09:00 on the 1st of the month (UTC)”', '下列时间相距不超过 5 分钟时（取最早者）：每天 09:00（UTC）；且「每周一 09:05（UTC）；或每月 1 日 09:00（UTC）」'],
];

describe('a trigger', () => {
  it.each(TRIGGERS)('%j in words: %s', (json, english, chinese) => {
    const trigger = parseTrigger(json, { calendars: CALENDARS });
    expect(trigger.describe('en')).toBe(english);
    expect(trigger.describe('zh')).toBe(chinese);
  });

  it('cannot bring what a terminal obeys into a sentence by the name of a calendar', () => {
    const name = 'a\u001b[31m\u202eb\nc\u2028';
    const calendar = holidayCalendar({ name, days: ['2026-10-01'] });
    const trigger = parseTrigger({ kind: 'cron', expr: '0 9 * * *', tz: 'UTC', exclude: [name] }, { calendars: [calendar] });
    expect(trigger.describe()).toBe('at 09:00 every day (UTC), except on the days of `a\\u{1b}[31m\\u{202e}b\\u{a}c\\u{2028}`');
    expect(trigger.describe('zh')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
  });
});
