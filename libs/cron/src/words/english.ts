import { DAY_MS } from '../zone/civil-date.ts';
import { fills, goesRound, isSingle, type CronSense, type MonthDay, type Pattern, type Run, type Seeded, type Times, type Weekday } from './cron-sense.ts';
import { clocks, stepOf, unitsOf, type CalendarSense, type Words } from './words.ts';

export const MONTHS: readonly string[] = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];
export const WEEKDAYS: readonly string[] = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const ORDER = ['first', 'second', 'third', 'fourth', 'fifth'];

export const english: Words = {
  cron: (sense) => {
    const [times, needsDay] = timesInWords(sense.times);
    return `${times}${daysInWords(sense, needsDay)}${sense.years ? `, only ${valuesInWords(sense.years, 'year')}` : ''}`;
  },
  calendar: calendarInWords,
  once: (moment, fold) => `once, at ${moment}${fold === 1 ? ', the second time that clocks show it' : ''}`,
  after: (delayMs) => (delayMs === 0 ? 'once, when it is created' : `once, ${duration(delayMs)} after it is created`),
  rate: (everyMs, anchor) => `${everyDuration(everyMs)}, counted from ${anchor ?? 'when it is created'}`,
  delay: (everyMs, anchor) => `${duration(everyMs)} after the end of the last run, the first time ${anchor ? `at ${anchor}` : `${duration(everyMs)} after it is created`}`,
  or: (sentences) => sentences.join('; or '),
  and: (sentences, thresholdMs) => `whenever these come ${thresholdMs === 0 ? 'at the same time' : `within ${duration(thresholdMs)}, at the first of them`}: ${sentences.join('; and ')}`,
  quoted: (sentence) => `“${sentence}”`,
  zone: (tz) => ` (${tz})`,
  from: (moment) => `from ${moment}`,
  until: (moment) => `until ${moment}`,
  atMost: (runs) => (runs === 1 ? 'one time only' : `at most ${runs} times`),
  exceptCalendar: (name) => `except on the days of ${name}`,
  exceptTrigger: (sentence) => `except ${sentence}`,
  jitter: (ms) => `each up to ${duration(ms)} later`,
  gap: (policy) =>
    ({ fire_at_end: 'times that clocks skip run when the gap ends', shift: 'times that clocks skip are moved by the length of the gap', skip: 'times that clocks skip are left out' })[policy],
  overlap: (policy) =>
    ({ first: 'times that clocks show twice run the first time', second: 'times that clocks show twice run the second time', both: 'times that clocks show twice run both times' })[policy],
  sentence: (main, limits, policies) => [[main, ...limits].join(', '), ...policies].join('; '),
};

/** The second says whether the day needs a word: `every 5 minutes` goes on all day by itself. */
function timesInWords(times: Times): readonly [string, boolean] {
  if (times.kind === 'nested') return [nestedInWords(times), false];
  const [only] = times.spans;
  if (times.spans.length === 1 && goesRound(only!)) {
    const round = roundTheClock(only!);
    if (round !== undefined) return [round, false];
  }
  const singles = clocks(times.spans.filter(isSingle).map(({ first }) => first));
  const spans = Map.groupBy(times.spans.filter((span) => !isSingle(span)), ({ step }) => step);
  return [
    list([
      ...(singles.length > 0 ? [`at ${list(singles)}`] : []),
      ...Array.from(spans, ([step, runs]) => `${every(...stepOf(step))} ${list(runs.map(({ first, last }) => `from ${clocks([first, last]).join(' to ')}`))}`),
    ]),
    true,
  ];
}

function roundTheClock({ first, step }: Run): string | undefined {
  const steps = every(...stepOf(step));
  if (first === 0) return steps;
  if (step < 60) return `${steps} from second ${first} of each minute`;
  if (step === 60) return `at second ${first} of every minute`;
  if (first % 60 !== 0 || step > 3_600) return undefined;
  return step === 3_600 ? `at ${count(first / 60, 'minute')} past every hour` : `${steps} from ${count(first / 60, 'minute')} past each hour`;
}

function nestedInWords({ second, minute, hour }: Extract<Times, { kind: 'nested' }>): string {
  const ofHour = `of ${unitInWords(hour, 'hour')}`;
  if (second === undefined) return `${valuesOfUnit(minute, 'minute')} ${ofHour}`;
  const ofMinute = `${valuesOfUnit(second, 'second')} of ${unitInWords(minute, 'minute')}`;
  return minute.kind === 'all' && hour.kind === 'all' ? ofMinute : `${ofMinute} ${ofHour}`;
}

/** The innermost unit, which says when: `at minutes 0 and 45`, `every 7 minutes from minute 0 to 56`. */
function valuesOfUnit(pattern: Pattern, unit: 'minute' | 'second'): string {
  if (pattern.kind === 'all') return `every ${unit}`;
  const singles = pattern.runs.filter(isSingle).map(({ first }) => String(first));
  const runs = Map.groupBy(pattern.runs.filter((run) => !isSingle(run)), ({ step }) => step);
  return list([
    ...pattern.seeded.map((value) => `${value.step === undefined ? 'at' : `${every(value.step, unit)} from`} ${seeded(value, `a ${unit}`)}`),
    ...(singles.length > 0 ? [`at ${singles.length === 1 ? unit : `${unit}s`} ${list(singles)}`] : []),
    ...Array.from(runs, ([step, some]) => `${every(step, unit)}${fills(some[0]!, 60) ? '' : ` from ${unit} ${list(some.map(({ first, last }) => `${first} to ${last}`))}`}`),
  ]);
}

/** A unit around it, which says where: `every hour`, `hours 9 and 17`, `every 2nd hour`. */
function unitInWords(pattern: Pattern, unit: 'hour' | 'minute'): string {
  if (pattern.kind === 'all') return `every ${unit}`;
  const singles = pattern.runs.filter(isSingle).map(({ first }) => String(first));
  const runs = pattern.runs.filter((run) => !isSingle(run));
  return list([
    ...pattern.seeded.map((value) => `${value.step === undefined ? '' : `every ${ordinal(value.step)} ${unit} from `}${seeded(value, unit === 'hour' ? 'an hour' : 'a minute')}`),
    ...(singles.length > 0 ? [`${singles.length === 1 ? unit : `${unit}s`} ${list(singles)}`] : []),
    ...runs.map((run) => `every ${run.step === 1 ? '' : `${ordinal(run.step)} `}${unit}${fills(run, unit === 'hour' ? 24 : 60) ? '' : ` from ${run.first} to ${run.last}`}`),
  ]);
}

function seeded({ within }: Seeded, one: string): string {
  return `${one}${within === undefined ? '' : ` from ${within.first} to ${within.last}`} that the seed picks`;
}

function daysInWords({ monthDays, weekdays, either, months }: CronSense, needsDay: boolean): string {
  const only = months === undefined ? '' : `, only ${valuesInWords(months, 'month')}`;
  if (monthDays === undefined && weekdays === undefined) return `${needsDay ? ' every day' : ''}${months === undefined ? '' : ` ${valuesInWords(months, 'month')}`}`;
  if (monthDays === undefined) {
    const counted = weekdays!.every(({ kind }) => kind === 'nth-weekday' || kind === 'last-weekday');
    if (counted) return ` on ${list(weekdays!.map(weekdayInWords))} of ${ofMonths(months)}`;
    const range = weekdays!.some((day) => day.kind === 'run' && !isSingle(day.run));
    return `${range ? ',' : ' on'} ${weekdaysInWords(weekdays!, 'and')}${only}`;
  }
  if (weekdays === undefined) return ` ${monthDaysInWords(monthDays)} of ${ofMonths(months)}`;
  return either
    ? ` ${monthDaysInWords(monthDays)} of the month or on ${weekdaysInWords(weekdays, 'or')}${only}`
    : ` ${monthDaysInWords(monthDays)} of ${ofMonths(months)}, but only on ${weekdaysInWords(weekdays, 'or')}`;
}

function ofMonths(months: CronSense['months']): string {
  if (months === undefined) return 'the month';
  return list(months.map((month) => (month.kind === 'seeded' ? 'a month that the seed picks' : isSingle(month.run) ? MONTHS[month.run.first - 1]! : `every month from ${MONTHS[month.run.first - 1]} to ${MONTHS[month.run.last - 1]}`)));
}

function monthDaysInWords(days: readonly MonthDay[]): string {
  const [only] = days;
  if (days.length === 1 && only!.kind === 'run' && !isSingle(only!.run) && only!.run.step === 1) return `from the ${ordinal(only!.run.first)} to the ${ordinal(only!.run.last)}`;
  return `on ${list(days.map(monthDayInWords))}`;
}

function monthDayInWords(day: MonthDay): string {
  switch (day.kind) {
    case 'run': {
      const { first, last, step } = day.run;
      if (first === last) return `the ${ordinal(first)}`;
      return `${step === 1 ? '' : `every ${ordinal(step)} day from `}the ${ordinal(first)} to the ${ordinal(last)}`;
    }
    case 'seeded':
      return day.step === undefined ? seeded(day, 'a day') : `every ${ordinal(day.step)} day from ${seeded(day, 'a day')}`;
    case 'last-day': {
      if (day.offset === 0) return day.workday ? 'the last working day' : 'the last day';
      const before = `the ${day.offset === 1 ? '' : `${ordinal(day.offset)} `}day before the last day`;
      return day.workday ? `the working day nearest to ${before}` : before;
    }
    case 'workday':
      return `the working day nearest to the ${ordinal(day.day)}`;
  }
}

function weekdaysInWords(days: readonly Weekday[], conjunction: 'and' | 'or'): string {
  return list(
    days.map((day) => `${weekdayInWords(day)}${day.kind === 'nth-weekday' || day.kind === 'last-weekday' ? ' of the month' : ''}`),
    conjunction,
  );
}

function weekdayInWords(day: Weekday): string {
  switch (day.kind) {
    case 'run':
      return isSingle(day.run) ? WEEKDAYS[day.run.first]! : `${WEEKDAYS[day.run.first]} to ${WEEKDAYS[day.run.last]}`;
    case 'seeded':
      return 'a weekday that the seed picks';
    case 'nth-weekday':
      return `the ${ORDER[day.nth - 1]} ${WEEKDAYS[day.weekday]}`;
    case 'last-weekday':
      return `the last ${WEEKDAYS[day.weekday]}`;
  }
}

/** `in January and from June to August`, `in every 2nd year from 2026 on`. */
function valuesInWords(values: readonly ({ readonly kind: 'run'; readonly run: Run } | Seeded)[], unit: 'month' | 'year'): string {
  const name = (value: number): string => (unit === 'month' ? MONTHS[value - 1]! : String(value));
  const singles = values.flatMap((value) => (value.kind === 'seeded' ? [`a ${unit} that the seed picks`] : isSingle(value.run) ? [name(value.run.first)] : []));
  const runs = values.flatMap((value) => (value.kind === 'run' && !isSingle(value.run) ? [value.run] : []));
  return list([
    ...(singles.length > 0 ? [`in ${list(singles)}`] : []),
    ...runs.map(({ first, last, step }) => `${step === 1 ? '' : `in every ${ordinal(step)} ${unit} `}from ${name(first)} ${unit === 'year' && last + step > 9_999 ? 'on' : `to ${name(last)}`}`),
  ]);
}

function calendarInWords({ count: steps, unit, extraDays, anchor, clamp }: CalendarSense): string {
  const step = `${every(steps, unit)}${extraDays === 0 ? '' : ` and ${count(extraDays, 'day')}`}`;
  if (anchor === undefined) return `${step}, counted from when it is created`;
  const { date, time, month, day, weekday } = anchor;
  const missing = clamp === undefined ? '' : clamp === 'last' ? ' or the last day of the month' : ' where there is one';
  const on = {
    year: ` on the ${ordinal(day)} of ${MONTHS[month - 1]}${missing}`,
    month: ` on the ${ordinal(day)}${missing}`,
    week: ` on ${WEEKDAYS[weekday]}`,
    day: '',
  }[unit];
  return `${step}${extraDays === 0 ? on : ''} at ${time}, counted from ${date}`;
}

/** Days are named as what they are here: so many hours, whatever the clocks do. */
function everyDuration(ms: number): string {
  if (ms === DAY_MS) return 'every 24 hours';
  if (ms % DAY_MS === 0) return `${every(ms / DAY_MS, 'day')} of 24 hours`;
  const units = unitsOf(ms);
  return units.length === 1 ? every(...units[0]!) : `every ${duration(ms)}`;
}

function duration(ms: number): string {
  return unitsOf(ms)
    .map(([amount, unit]) => count(amount, unit))
    .join(' ');
}

function every(amount: number, unit: string): string {
  return amount === 1 ? `every ${unit}` : `every ${amount} ${unit}s`;
}

function count(amount: number, unit: string): string {
  return `${amount} ${unit}${amount === 1 ? '' : 's'}`;
}

function ordinal(value: number): string {
  const teens = value % 100 >= 11 && value % 100 <= 13;
  return `${value}${(!teens && ['th', 'st', 'nd', 'rd'][value % 10]) || 'th'}`;
}

function list(items: readonly string[], conjunction: 'and' | 'or' = 'and'): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} ${conjunction} ${items.at(-1)}`;
}
