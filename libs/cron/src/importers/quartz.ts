import type { MisfirePolicy } from '../scheduler/schedule.ts';
import { cron } from '../triggers/cron-trigger.ts';
import { DAYS, HOURS, MINUTES, MONTH_NAMES, MONTHS, namesFrom, readItem, SECONDS, WEEKDAYS, writeCron, writeValues, YEARS, type ItemRules } from './cron-text.ts';
import { Importing, type Imported } from './imported.ts';

export interface QuartzOptions {
  /** The zone of the trigger. Quartz takes that of its JVM by default; it must be given here. */
  readonly tz: string;
  /** The misfire instruction of the trigger. Default `smart`, which for cron triggers is `fire_once_now`. */
  readonly misfire?: 'smart' | 'fire_once_now' | 'do_nothing' | 'ignore' | undefined;
}

// After quartz CronExpression.java of the 2.5 line; times compared with Quartz 2.3.2.
const CLOCKS =
  'Quartz does not run what clocks skip, and of an hour that they repeat it runs the second pass only; so does this trigger, unless the hour is *: then both passes run, where Quartz stands still during the first';

const MISFIRES: ReadonlyMap<QuartzOptions['misfire'], MisfirePolicy['mode']> = new Map([
  ['smart', 'latest'],
  ['fire_once_now', 'latest'],
  ['do_nothing', 'none'],
  ['ignore', 'all'],
]);

/** Sunday is 1 there. */
const QUARTZ_WEEKDAYS: ItemRules = { min: 1, max: 7, names: namesFrom(1, 'SUN MON TUE WED THU FRI SAT') };

/**
 * A Quartz cron expression of six or seven fields.
 * @throws CronImportError (`ERR_CRON_IMPORT`)
 */
export function fromQuartz(expression: string, options: QuartzOptions): Imported {
  // Without options at all it is the zone that is missing.
  const { tz: timeZone, misfire = 'smart' }: Partial<QuartzOptions> = options ?? {};
  const importing: Importing = new Importing('quartz');
  const { tz, zone } = importing.zone('tz', timeZone);
  const mode = MISFIRES.get(misfire);
  if (mode === undefined) importing.refuse('misfire', misfire, `is none of ${[...MISFIRES.keys()].join(', ')}`);
  const given = importing.text('expression', expression) ?? importing.refuse('expression', expression, 'is missing');
  const texts = given.trim().toUpperCase().split(/\s+/);
  if (texts.length !== 6 && texts.length !== 7) importing.refuse('expression', expression, 'has not six or seven fields');
  const [seconds, minutes, hours, days, months, weekdays, years = '*'] = texts as [string, string, string, string, string, string, string?];
  if ((days === '?') === (weekdays === '?')) importing.refuse('expression', expression, 'has not a ? in just one of day of month and day of week');

  const expr = writeCron({
    seconds: readList('second', seconds, SECONDS),
    minutes: readList('minute', minutes, MINUTES),
    hours: readList('hour', hours, HOURS),
    day: days === '?' ? '?' : readDays(days),
    month: writeValues(readList('month', months, { ...MONTHS, names: MONTH_NAMES }), MONTHS, true),
    weekday: weekdays === '?' ? '?' : readWeekdays(weekdays),
    year: years === '*' ? '*' : writeValues(readList('year', years, { ...YEARS, max: 2099 }, false), YEARS, true),
  });
  const trigger = importing.build('expression', expression, () => cron(expr, { tz, dst: { gap: 'skip', overlap: 'second' } }));
  importing.noteClockChanges(zone, CLOCKS);
  importing.note('missed_runs', 'Quartz makes up for runs that are more than its misfire threshold late, 60 s by default, however old they are; the window of the scheduler is an hour unless it is given');
  return importing.done(trigger, { overlap: 'allow', misfire: { mode } });

  function readList(field: string, text: string, rules: ItemRules, wraps = true): number[] {
    return text.split(',').flatMap((item) => readNumbers(field, item, rules, wraps));
  }

  function readNumbers(field: string, item: string, rules: ItemRules, wraps = true): number[] {
    const refuse = (rule: string): never => importing.refuse(field, item, rule);
    // After a name Quartz reads a range or nothing: MON/2 is Monday, MONDAY-FRIDAY is Monday.
    const named = rules.names && /^([A-Z]{3})(?:-([A-Z]{3}))?/.exec(item);
    if (named && named[0] !== item) importing.note('ignored_text', `Quartz reads ${item} as ${named[0]}, and so does this trigger`, field);
    const text = named ? named[0] : item.replace(/^\//, '*/').replace(/\/0+$/, '');
    return readItem(text, { ...rules, wraps, openSteps: true }, refuse);
  }

  function readDays(text: string): string {
    const items = text.split(',');
    const special = items.filter((item) => /[LW]/.test(item));
    for (const item of special) {
      if (!/^(?:L(?:-\d+)?W?|\d+W)$/.test(item)) importing.refuse('day of month', item, 'is neither L, LW, L-3, L-3W nor 15W');
    }
    if (special.length > 0 && items.length > 1) importing.note('version', 'a list with L or W is read as a list, as since Quartz 2.4; 2.3 refuses it or reads its first item only', 'day of month');
    if (special.some((item) => Number.parseInt(item, 10) > 28)) importing.note('version', 'in a month without that day nothing runs, as since Quartz 2.4; 2.3 sometimes runs on its last day', 'day of month');
    const numbers = items.filter((item) => !special.includes(item)).flatMap((item) => readNumbers('day of month', item, DAYS));
    return [...(numbers.length > 0 ? [writeValues(numbers, DAYS, true)] : []), ...special].join(',');
  }

  function readWeekdays(text: string): string {
    if (text === 'L') return '6'; // every Saturday
    const special = /^(\w+?)(L|#([1-5]))$/.exec(text);
    if (special) {
      const [day] = readNumbers('day of week', special[1]!, QUARTZ_WEEKDAYS);
      return `${day! - 1}${special[2]}`;
    }
    if (/[#]|\dL|^L/.test(text)) importing.refuse('day of week', text, 'is not a single nth or last weekday such as 6#3 or 6L, which Quartz does not read in lists');
    return writeValues(text.split(',').flatMap((item) => readNumbers('day of week', item, QUARTZ_WEEKDAYS)).map((day) => day - 1), WEEKDAYS, true);
  }
}
