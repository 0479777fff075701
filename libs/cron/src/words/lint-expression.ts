import type { CronPart } from '../errors.ts';
import type { CronField, CronItem } from '../expression/cron-fields.ts';
import { FIELD_RULES } from '../expression/field-rules.ts';
import { restricts } from '../expression/month-days.ts';
import { daysInMonth } from '../zone/civil-date.ts';
import { MONTHS } from './english.ts';
import { listed, type Texts } from './text.ts';

/** What the fields of an expression give rise to; `item` is the piece at fault. */
export interface FieldFinding {
  readonly rule: 'uneven-step' | 'either-day' | 'stepped-day' | 'open-step' | 'short-month' | 'leap-day' | 'whole-range' | 'wrapped-range' | 'numeric-weekday' | 'limited-years';
  readonly part: CronPart;
  readonly item: { readonly text: string; readonly position: number };
  readonly texts: Texts;
}

type Range = Extract<CronItem, { kind: 'range' }>;

const PARTS_ZH: Readonly<Record<CronPart, string>> = { second: '秒', minute: '分', hour: '时', 'day of month': '日', month: '月', 'day of week': '星期', year: '年' };

export function lintFields(fields: readonly CronField[], yearNow: number, lastYear: number): readonly FieldFinding[] {
  const field = (part: CronPart): CronField => fields.find((candidate) => candidate.part === part)!;
  const [dayOfMonth, dayOfWeek] = [field('day of month'), field('day of week')];
  return [
    ...fields.flatMap((each) => each.items.flatMap((item) => [...steps(each.part, item), ...ranges(each.part, item)])),
    ...dayFields(dayOfMonth, dayOfWeek),
    ...missingDays(dayOfMonth, dayOfWeek, monthsOf(field('month'))),
    ...(fields.length > 5 || [dayOfMonth, dayOfWeek].some(({ text }) => text.includes('?')) ? numericWeekdays(dayOfWeek) : []),
    ...(fields.length === 7 ? years(field('year'), yearNow, lastYear) : []),
  ];
}

function steps(part: CronPart, item: CronItem): readonly FieldFinding[] {
  const { min, end } = FIELD_RULES[part];
  const size = end - min + 1;
  if (item.kind === 'range' && item.open && item.step > 1) {
    const values = listed(valuesOf(item).map(String), 6);
    return [
      {
        rule: 'open-step',
        part,
        item,
        texts: {
          en: `${item.text} means from ${item.first} to the end of the field: ${values.en}; write ${item.first}-${end}/${item.step} to say so`,
          zh: `${item.text} 表示从 ${item.first} 到该字段末尾：${values.zh}；可写作 ${item.first}-${end}/${item.step} 以示明确`,
        },
      },
    ];
  }
  const all = item.kind === 'every' || (item.kind === 'hashed' && !item.text.includes('(')) || (item.kind === 'range' && coversField(item, part));
  const step = item.kind === 'every' || item.kind === 'range' || item.kind === 'hashed' ? (item.step ?? 1) : 1;
  // Months and years differ in length, so no step of days or weekdays is even; years do not begin again.
  const uneven = part === 'day of month' || part === 'day of week' || size % step !== 0;
  if (!all || step === 1 || part === 'year' || !uneven) return [];
  const last = min + Math.floor((size - 1) / step) * step;
  const known = item.kind !== 'hashed' && part !== 'day of month';
  return [
    {
      rule: 'uneven-step',
      part,
      item,
      texts: {
        en: `${item.text} in ${part} is not every ${step}: it begins again with each ${UNIT_AROUND[part].en}${known ? `, so that ${min} follows ${last} after ${size - last + min}` : ''}`,
        zh: `${PARTS_ZH[part]}字段中的 ${item.text} 间隔并不均匀：每到下一${UNIT_AROUND[part].zh}就重新开始${known ? `，${last} 之后隔 ${size - last + min} 便是 ${min}` : ''}`,
      },
    },
  ];
}

const UNIT_AROUND: Readonly<Record<CronPart, Texts>> = {
  second: { en: 'minute', zh: '分钟' },
  minute: { en: 'hour', zh: '小时' },
  hour: { en: 'day', zh: '天' },
  'day of month': { en: 'month', zh: '个月' },
  month: { en: 'year', zh: '年' },
  'day of week': { en: 'week', zh: '周' },
  year: { en: '', zh: '' },
};

function ranges(part: CronPart, item: CronItem): readonly FieldFinding[] {
  if (item.kind !== 'range') return [];
  const found: FieldFinding[] = [];
  if (coversField(item, part) && part !== 'second' && part !== 'month' && part !== 'year') {
    const day = part === 'day of month' || part === 'day of week';
    const star = item.step === 1 ? '*' : `*/${item.step}`;
    found.push({
      rule: 'whole-range',
      part,
      item,
      texts: day
        ? { en: `${item.text} is every day and yet restricts the day: with the other day field either is enough; write ${star}`, zh: `${item.text} 虽包含每一天，仍算作对日期的限制：与另一日期字段满足其一即可；请写 ${star}` }
        : { en: `${item.text} are fixed times, which clock changes move, where ${star} would follow the clock`, zh: `${item.text} 属于固定时刻，会受时钟变更影响；${star} 则跟随时钟` },
    });
  }
  // A week that ends with Sunday is written up to its end.
  if (item.first > item.last && !(part === 'day of week' && item.last === 0)) {
    const last = part === 'hour' ? { en: ': the values after it are of the same day, its early hours', zh: '：其后的小时属于同一天的凌晨' } : { en: '', zh: '' };
    found.push({
      rule: 'wrapped-range',
      part,
      item,
      texts: { en: `${item.text} goes on past the end of the field${last.en}; other crons refuse it`, zh: `${item.text} 越过字段末尾继续${last.zh}；其他 cron 会拒绝这种写法` },
    });
  }
  return found;
}

function dayFields(dayOfMonth: CronField, dayOfWeek: CronField): readonly FieldFinding[] {
  if (dayOfWeek.plus) return [];
  const starred = [dayOfMonth, dayOfWeek].filter((field) => !restricts(field));
  if (starred.length === 0) {
    return [
      {
        rule: 'either-day',
        part: 'day of week',
        item: dayOfWeek,
        texts: {
          en: `day of month ${dayOfMonth.text} or day of week ${dayOfWeek.text}: either is enough; write +${dayOfWeek.text} for both`,
          zh: `日 ${dayOfMonth.text} 与星期 ${dayOfWeek.text} 满足其一即可；若须同时满足，请写 +${dayOfWeek.text}`,
        },
      },
    ];
  }
  return starred.length === 2
    ? []
    : starred
        .filter(({ text }) => text.length > 1)
        .map((field) => {
          const other = field === dayOfMonth ? dayOfWeek : dayOfMonth;
          return {
            rule: 'stepped-day',
            part: field.part,
            item: field,
            texts: {
              en: `${field.text} begins with ${field.text[0]}, so ${field.part} ${field.text} and ${other.part} ${other.text} must both match, as in Vixie cron; other crons take either`,
              zh: `${field.text} 以 ${field.text[0]} 开头，因此与 Vixie cron 一样，须与 ${other.text} 同时满足；其他 cron 满足其一即可`,
            },
          };
        });
}

/** Days that some of the months do not have. */
function missingDays(dayOfMonth: CronField, dayOfWeek: CronField, months: readonly number[]): readonly FieldFinding[] {
  const shortest = Math.min(...months.map((month) => daysInMonth(2_001, month)));
  const found = dayOfMonth.items.flatMap((item): readonly FieldFinding[] => {
    const day = item.kind === 'range' && item.first === item.last ? item.first : item.kind === 'workday' ? item.day : item.kind === 'last-day' ? item.offset + 1 : 0;
    if (day <= shortest) return [];
    if (months.length === 1 && day === 29) {
      return [{ rule: 'leap-day', part: 'day of month', item, texts: { en: 'February 29 comes in leap years only', zh: '2 月 29 日只在闰年出现' } }];
    }
    const hint = item.kind === 'range' && day === 31 ? { en: '; L is the last day of each month', zh: '；L 表示每月最后一天' } : { en: '', zh: '' };
    const names = months.filter((month) => daysInMonth(2_001, month) < day);
    return [
      {
        rule: 'short-month',
        part: 'day of month',
        item,
        texts: {
          en: `${item.text} leaves out the months that have fewer than ${day} days: ${names.map((month) => MONTHS[month - 1]).join(', ')}${hint.en}`,
          zh: `${item.text} 会跳过不足 ${day} 天的月份（${names.join('、')} 月）${hint.zh}`,
        },
      },
    ];
  });
  const fifths = dayOfWeek.items.flatMap((item): readonly FieldFinding[] =>
    item.kind === 'nth-weekday' && item.nth === 5
      ? [{ rule: 'short-month', part: 'day of week', item, texts: { en: `${item.text} leaves out the months that have four of them; #L is the last one of each month`, zh: `${item.text} 会跳过没有第五个的月份；#L 表示每月最后一个` } }]
      : [],
  );
  return [...found, ...fifths];
}

function numericWeekdays(field: CronField): readonly FieldFinding[] {
  const numbers = field.items.filter(({ kind, text }) => kind !== 'hashed' && /^\d|-\d/.test(text)).map(({ text }) => text);
  if (numbers.length === 0) return [];
  const text = numbers.join(',');
  return [
    {
      rule: 'numeric-weekday',
      part: field.part,
      item: field,
      texts: {
        en: `${text} counts from 0 or 7 = Sunday, 1 = Monday; in Quartz 1 is Sunday, in APScheduler 0 is Monday: names mean the same everywhere`,
        zh: `${text} 中 0 或 7 为周日、1 为周一；Quartz 中 1 为周日，APScheduler 中 0 为周一：用英文缩写则处处一致`,
      },
    },
  ];
}

function years(field: CronField, yearNow: number, soon: number): readonly FieldFinding[] {
  const last = Math.max(...field.items.map((item) => (item.kind === 'range' ? valuesOf(item).at(-1)! : 9_999)));
  if (last > soon) return [];
  const texts = last < yearNow ? { en: `its last year was ${last}`, zh: `最后一年是 ${last} 年，已经过去` } : { en: `its last year is ${last}: nothing comes after it`, zh: `最后一年是 ${last} 年，此后不再执行` };
  return [{ rule: 'limited-years', part: 'year', item: field, texts }];
}

function coversField({ first, last }: Range, part: CronPart): boolean {
  const { min, end } = FIELD_RULES[part];
  return (first === min && last === end) || (first > min && last === first - 1);
}

function monthsOf({ items }: CronField): readonly number[] {
  const months = items.flatMap((item) => (item.kind === 'every' ? valuesOf({ first: 1, last: 12, step: item.step }) : item.kind === 'range' ? valuesOf(item) : item.kind === 'hashed' ? item.values : []));
  return [...new Set(months)].toSorted((a, b) => a - b);
}

/** The values of a range; only one of months may go on past the end of its field here. */
function valuesOf({ first, last, step }: Pick<Range, 'first' | 'last' | 'step'>): readonly number[] {
  const values: number[] = [];
  for (let value = first; value <= (first <= last ? last : last + 12); value += step) values.push(first <= last || value <= 12 ? value : value - 12);
  return values;
}
