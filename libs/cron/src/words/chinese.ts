import { DAY_MS } from '../zone/civil-date.ts';
import { fills, goesRound, isSingle, type CronSense, type MonthDay, type Pattern, type Run, type Seeded, type Times, type Weekday } from './cron-sense.ts';
import { clocks, stepOf, unitsOf, type CalendarSense, type Words } from './words.ts';

// Chinese goes from the large to the small: year, month, day, time.

const WEEKDAYS = ['日', '一', '二', '三', '四', '五', '六'];
const ORDER = ['一', '二', '三', '四', '五'];
const UNITS: Readonly<Record<string, string>> = { day: '天', hour: '小时', minute: '分钟', second: '秒', millisecond: '毫秒' };

export const chinese: Words = {
  cron: (sense) => {
    const [times, needsDay] = timesInWords(sense.times);
    return spaced(`${daysInWords(sense, needsDay)}${times}`);
  },
  calendar: (sense) => spaced(calendarInWords(sense)),
  once: (moment, fold) => `${moment}${fold === 1 ? '（时钟第二次显示该时刻时）' : ' '}执行一次`,
  after: (delayMs) => spaced(delayMs === 0 ? '创建后立即执行一次' : `创建 ${duration(delayMs)}后执行一次`),
  rate: (everyMs, anchor) => `${spaced(every(everyMs))}，${anchor ? `从 ${anchor} 起算` : '从创建时起算'}`,
  delay: (everyMs, anchor) => `上次运行结束 ${spaced(duration(everyMs))}后，首次在${anchor ? ` ${anchor}` : `创建 ${spaced(duration(everyMs))}后`}`,
  or: (sentences) => sentences.join('；或'),
  and: (sentences, thresholdMs) => `下列时间${thresholdMs === 0 ? '重合时' : `相距不超过 ${spaced(duration(thresholdMs))}时（取最早者）`}：${sentences.join('；且')}`,
  quoted: (sentence) => `「${sentence}」`,
  zone: (tz) => `（${tz}）`,
  from: (moment) => `自 ${moment} 起`,
  until: (moment) => `至 ${moment} 止`,
  atMost: (runs) => (runs === 1 ? '只执行一次' : `最多 ${runs} 次`),
  exceptCalendar: (name) => `${name} 中的日期除外`,
  exceptTrigger: (sentence) => `${sentence}除外`,
  jitter: (ms) => `每次随机延后不超过 ${spaced(duration(ms))}`,
  gap: (policy) => ({ fire_at_end: '被时钟跳过的时刻在跳变后立即执行', shift: '被时钟跳过的时刻按跳变时长顺延', skip: '被时钟跳过的时刻不执行' })[policy],
  overlap: (policy) => ({ first: '重复出现的时刻只在第一次执行', second: '重复出现的时刻只在第二次执行', both: '重复出现的时刻两次都执行' })[policy],
  sentence: (main, limits, policies) => [[main, ...limits].join('，'), ...policies].join('；'),
};

/** The second says whether the day needs a word: 每 5 分钟 goes on all day by itself. */
function timesInWords(times: Times): readonly [string, boolean] {
  if (times.kind === 'nested') return [nestedInWords(times), times.hour.kind !== 'all'];
  const [only] = times.spans;
  if (times.spans.length === 1 && goesRound(only!)) {
    const round = roundTheClock(only!);
    if (round !== undefined) return [round, false];
  }
  const singles = clocks(times.spans.filter(isSingle).map(({ first }) => first));
  const spans = Map.groupBy(times.spans.filter((span) => !isSingle(span)), ({ step }) => step);
  return [
    [
      ...(singles.length > 0 ? [singles.join('、')] : []),
      ...Array.from(spans, ([step, runs]) => `${runs.map(({ first, last }) => clocks([first, last]).join(first > last ? ' 至次日 ' : ' 至 ')).join('、')} ${steps(step)}`),
    ].join('，'),
    true,
  ];
}

function roundTheClock({ first, step }: Run): string | undefined {
  if (first === 0) return steps(step);
  if (step < 60) return `${steps(step)}（从每分钟第 ${first} 秒起）`;
  if (step === 60) return `每分钟第 ${first} 秒`;
  if (first % 60 !== 0 || step > 3_600) return undefined;
  return step === 3_600 ? `每小时第 ${first / 60} 分` : `${steps(step)}（从每小时第 ${first / 60} 分起）`;
}

function nestedInWords({ second, minute, hour }: Extract<Times, { kind: 'nested' }>): string {
  const minutes = within(hoursInWords(hour), valuesOfUnit(minute, '分', '分钟'));
  if (second === undefined) return minutes;
  return within(minute.kind === 'all' && hour.kind === 'all' ? '每分钟' : minutes, valuesOfUnit(second, '秒', '秒'));
}

function within(outer: string, inner: string): string {
  return `${outer}${inner.startsWith('第') ? '' : '内'}${inner}`;
}

function hoursInWords(hour: Pattern): string {
  if (hour.kind === 'all') return '每小时';
  return [
    ...hour.seeded.map((value) => `${seeded(value, '一小时', ' 点')}${value.step === undefined ? '' : `起每 ${value.step} 小时`}`),
    ...hour.runs.map((run) => {
      if (isSingle(run)) return `${run.first} 点`;
      return `${fills(run, 24) ? '' : `${run.first} 点至 ${run.last} 点`}每${run.step === 1 ? '' : ` ${run.step} `}小时`;
    }),
  ].join('、');
}

/** `unit` numbers, `span` measures: 第 5 分, 每 5 分钟. */
function valuesOfUnit(pattern: Pattern, unit: string, span: string): string {
  if (pattern.kind === 'all') return `每${span}`;
  const singles = pattern.runs.filter(isSingle).map(({ first }) => first);
  const runs = Map.groupBy(pattern.runs.filter((run) => !isSingle(run)), ({ step }) => step);
  return [
    ...pattern.seeded.map((value) => `${seeded(value, `一${span}`, ` ${unit}`)}${value.step === undefined ? '' : `起每 ${value.step} ${span}`}`),
    ...(singles.length > 0 ? [`第 ${singles.join('、')} ${unit}`] : []),
    ...Array.from(runs, ([step, some]) => `${fills(some[0]!, 60) ? '' : `第 ${some.map(({ first, last }) => `${first} 至 ${last}`).join('、')} ${unit}`}每${step === 1 ? '' : ` ${step} `}${span}`),
  ].join('和');
}

function seeded({ within: range }: Seeded, one: string, unit: string): string {
  return `由种子${range === undefined ? '' : `在 ${range.first} 至 ${range.last}${unit}中`}选定的${one}`;
}

function daysInWords(sense: CronSense, needsDay: boolean): string {
  const { monthDays, weekdays, either, months, years } = sense;
  const year = years === undefined ? (months === undefined ? '' : '每年 ') : yearsInWords(years);
  const month = months === undefined ? '' : monthsInWords(months);
  if (monthDays === undefined && weekdays === undefined) return `${year}${month}${needsDay ? `${year + month === '' ? '' : '，'}每天 ` : year + month === '' ? '' : '，'}`;
  if (monthDays === undefined && weekdays!.some(({ kind }) => kind === 'run' || kind === 'seeded')) return `${year}${month}${year + month === '' ? '' : '，'}${weekdaysInWords(weekdays!, true)} `;
  const [onlyMonth] = months ?? [];
  const oneMonth = months?.length === 1 && (onlyMonth!.kind === 'seeded' || isSingle(onlyMonth!.run));
  const ofMonth = oneMonth ? `${year}${month}` : `${year}${month}${month === '' ? '' : '，'}每月`;
  if (monthDays === undefined) return `${ofMonth}${weekdaysInWords(weekdays!, false)} `;
  const days = monthDays.map(monthDayInWords).join('、');
  if (weekdays === undefined) return `${ofMonth}${days} `;
  if (!either) return `${ofMonth}${days}（限${weekdaysInWords(weekdays, false)}）`;
  return months === undefined ? `${ofMonth}${days}或${weekdaysInWords(weekdays, true)} ` : `${year}${month}的 ${days}或${weekdaysInWords(weekdays, false)} `;
}

function yearsInWords(years: NonNullable<CronSense['years']>): string {
  return years
    .map((year) => {
      if (year.kind === 'seeded') return '由种子选定的一年';
      const { first, last, step } = year.run;
      if (first === last) return `${first} 年`;
      return `${first} 年${last + step > 9_999 ? '起' : `至 ${last} 年`}${step === 1 ? '' : `每 ${step} 年的`}`;
    })
    .join('、');
}

function monthsInWords(months: NonNullable<CronSense['months']>): string {
  return months
    .map((month) => (month.kind === 'seeded' ? '由种子选定的一个月' : isSingle(month.run) ? `${month.run.first} 月` : `${month.run.first} 月至${month.run.first > month.run.last ? '次年' : ''} ${month.run.last} 月`))
    .join('、');
}

function monthDayInWords(day: MonthDay): string {
  switch (day.kind) {
    case 'run': {
      const { first, last, step } = day.run;
      if (first === last) return `${first} 日`;
      if (step === 1) return `${first} 日至 ${last} 日`;
      return `${first} 日${first < last && last + step > 31 ? '起' : `至 ${last} 日`}每 ${step} 天`;
    }
    case 'seeded':
      return `${seeded(day, '一天', ' 日')}${day.step === undefined ? '' : `起每 ${day.step} 天`}`;
    case 'last-day': {
      if (day.offset === 0) return day.workday ? '最后一个工作日' : '最后一天';
      const counted = `倒数第 ${day.offset + 1} 天`;
      return day.workday ? `最接近${counted}的工作日` : counted;
    }
    case 'workday':
      return `最接近 ${day.day} 日的工作日`;
  }
}

/** 每周一、三、五; 周一至周五; 每月第二个星期一. `each` puts 每 and 每月 in front. */
function weekdaysInWords(days: readonly Weekday[], each: boolean): string {
  const plain = days.filter((day) => day.kind === 'run');
  const ranges = plain.filter(({ run }) => !isSingle(run)).map(({ run }) => `周${WEEKDAYS[run.first]}至周${WEEKDAYS[run.last]}`);
  const singles = plain.filter(({ run }) => isSingle(run)).map(({ run }) => WEEKDAYS[run.first]!);
  const counted = days.flatMap((day) => {
    if (day.kind === 'run') return [];
    if (day.kind === 'seeded') return ['由种子选定的一个星期几'];
    return [`${each ? '每月' : ''}${day.kind === 'nth-weekday' ? `第${ORDER[day.nth - 1]}` : '最后一'}个星期${WEEKDAYS[day.weekday]}`];
  });
  return [...ranges, ...(singles.length > 0 ? [`${each ? '每' : ''}周${singles.join('、')}`] : []), ...counted].join('、');
}

function calendarInWords({ count, unit, extraDays, anchor, clamp }: CalendarSense): string {
  const andDays = extraDays === 0 ? '' : `零 ${extraDays} 天`;
  const step = `每${count === 1 && extraDays === 0 ? '' : ` ${count} `}${{ year: '年', month: count === 1 && extraDays === 0 ? '月' : '个月', week: '周', day: '天' }[unit]}${andDays}`;
  if (anchor === undefined) return `${step}，从创建时起算`;
  const { date, time, month, day, weekday } = anchor;
  const of = count === 1 ? '' : '的';
  const missing = clamp === undefined ? '' : clamp === 'last' ? '（当月没有则取最后一天）' : '（当月没有则跳过）';
  const on = { year: `${of}${month} 月 ${day} 日${missing}`, month: `${of}${day} 日${missing}`, week: count === 1 ? WEEKDAYS[weekday]! : `${of}周${WEEKDAYS[weekday]}`, day: '' }[unit];
  return `${step}${extraDays === 0 ? on : ''} ${time}，从 ${date} 起算`;
}

function steps(seconds: number): string {
  const [count, unit] = stepOf(seconds);
  return `每${count === 1 ? '' : ` ${count} `}${UNITS[unit]}`;
}

function every(ms: number): string {
  if (ms === DAY_MS) return '每 24 小时';
  if (ms % DAY_MS === 0) return `每 ${ms / DAY_MS} 天（按每天 24 小时计）`;
  const units = unitsOf(ms);
  return units.length === 1 && units[0]![0] === 1 ? `每${UNITS[units[0]![1]]}` : `每 ${duration(ms)}`;
}

function duration(ms: number): string {
  return unitsOf(ms)
    .map(([amount, unit]) => `${amount} ${UNITS[unit]}`)
    .join(' ');
}

/** Blanks between Chinese characters and digits and nowhere else. */
function spaced(text: string): string {
  return text
    .replaceAll(/(?<=\p{Script=Han})(?=\d)|(?<=\d)(?=\p{Script=Han})/gu, ' ')
    .replaceAll(/(?<=[\p{Script=Han}，、）]) +(?=[\p{Script=Han}（])|(?<=）) +| +$/gu, '');
}
