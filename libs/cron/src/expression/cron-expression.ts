import { CronSyntaxError } from '../errors.ts';
import { BitSet } from './bit-set.ts';
import type { CronField } from './cron-fields.ts';
import { DAY_OF_MONTH, DAY_OF_WEEK, HOUR, MINUTE, MONTH, SECOND, YEAR, type FieldRule } from './field-rules.ts';
import { MonthDays } from './month-days.ts';
import { comes, neverComes } from './never-comes.ts';
import { FieldReader } from './field-reader.ts';
import { WallClockTimes } from './wall-clock-times.ts';
import { YearSet } from './year-set.ts';

/*
 * The grammar of cron expressions: five fields as in Vixie cron, six with the second in front, seven with the year at the end.
 *
 *   expression    = [ second blank ] minute blank hour blank day-of-month blank month blank [ "+" ] day-of-week [ blank year ]
 *                 / "@yearly" / "@annually" / "@monthly" / "@weekly" / "@daily" / "@midnight" / "@hourly"
 *   field         = item *( "," item )
 *   item          = ( "*" / range ) [ "/" step ] / value / value "/" step     ; the last one runs to the end of the field
 *                 / "H" [ "(" range ")" ] [ "/" step ]                        ; not for the year: what a seed picks
 *   range         = value "-" value                                           ; wraps around the end, except for years
 *   value         = 1*DIGIT / name
 *   day-of-month  also  "?" / "L" [ "-" offset ] [ "W" ] / value "W"          ; from the end; nearest working day
 *   day-of-week   also  "?" / value "#" ( "1" to "5" / "L" ) / value "L"      ; second Monday; last Friday
 *
 * Letters are taken in any case. Blanks are spaces and tabs. Day of week takes 0 to 7, where 0 and 7 are Sunday. A step is at
 * least 1 and at most the number of values it steps over, and counts along the range: 22-4/2 is 22, 0, 2, 4.
 *
 * Two facts of the text outlive parsing, both from Vixie cron:
 * - A day field that begins with `*` does not restrict the day (see month-days.ts).
 * - An expression whose minute and hour have neither `*` nor a step that runs through the field (`5/15`, `H/15`) names fixed
 *   times of the day; any other follows the clock. The two behave differently where the clock jumps (see cron-evaluator.ts).
 */

export interface CronExpression {
  /** Canonical: in capitals, with single blanks, `@daily` and its like written out. */
  readonly text: string;
  /** In the order of writing; a field that was not written is absent. */
  readonly fields: readonly CronField[];
  readonly times: WallClockTimes;
  readonly fixedTimes: boolean;
  /** It has an `H`. */
  readonly hashed: boolean;
  /** False while it has an `H` and no seed; `times` then has all that `H` may become. */
  readonly resolved: boolean;
}

// All values of all fields but the year take 560 characters. Schedules are stored, listed and cached by the thousand, and
// nothing else bounds what a field can repeat.
const LONGEST = 1_000;

const MACROS: Readonly<Record<string, string>> = {
  '@YEARLY': '0 0 1 1 *',
  '@ANNUALLY': '0 0 1 1 *',
  '@MONTHLY': '0 0 1 * *',
  '@WEEKLY': '0 0 * * 0',
  '@DAILY': '0 0 * * *',
  '@MIDNIGHT': '0 0 * * *',
  '@HOURLY': '0 * * * *',
};

const FIVE: readonly FieldRule[] = [MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK];
const SIX: readonly FieldRule[] = [SECOND, ...FIVE];
const SEVEN: readonly FieldRule[] = [...SIX, YEAR];

const YEAR_TEXT = /^[1-9]\d{3}/;
const SPACE = 32;
const TAB = 9;
const AT = 64;

const SECOND_ZERO = new BitSet();
SECOND_ZERO.add(0);

/**
 * @param seed what `H` is drawn from
 * @throws CronSyntaxError (`ERR_CRON_SYNTAX`) for what is outside the grammar, and for what never comes
 */
export function parseCronExpression(expression: string, seed?: string): CronExpression {
  if (typeof expression !== 'string') throw new CronSyntaxError({ expression, value: expression, position: 0, rule: 'is not text' });
  if (expression.length > LONGEST) {
    throw new CronSyntaxError({ expression, value: expression, position: 0, rule: `has ${expression.length} characters, more than ${LONGEST}` });
  }
  const bounds = boundsOf(expression);
  if (expression.charCodeAt(bounds[0] ?? 0) === AT) return parseCronExpression(writtenOut(expression, bounds[0]!, bounds.at(-1)!), seed);
  const rules = bounds.length === 10 ? FIVE : bounds.length === 12 ? SIX : bounds.length === 14 ? SEVEN : undefined;
  if (rules === undefined) {
    const rule = `has ${bounds.length / 2} fields: 5, 6 with the second in front, or 7 with the year at the end as well`;
    throw new CronSyntaxError({ expression, value: expression, position: 0, rule });
  }
  if (rules === SIX && YEAR_TEXT.test(expression.slice(bounds[10], bounds[11]))) {
    const rule = 'is a year behind five fields: it takes the second in front as well';
    throw new CronSyntaxError({ expression, value: expression.slice(bounds[10], bounds[11]), position: bounds[10]!, part: 'year', rule });
  }
  const reader = new FieldReader(expression, seed);
  const fields: CronField[] = [];
  for (let at = 0; at < rules.length; at++) fields.push(reader.read(rules[at]!, bounds[at * 2]!, bounds[at * 2 + 1]!));

  const second = rules === FIVE ? undefined : fields[0];
  const [minute, hour, dayOfMonth, month, dayOfWeek] = (second === undefined ? fields : fields.slice(1)) as [CronField, CronField, CronField, CronField, CronField];
  const months = valuesOf(month, MONTH);
  const year = fields[6];
  const years = year === undefined ? undefined : yearsOf(year);
  const times = new WallClockTimes({
    seconds: second === undefined ? SECOND_ZERO : valuesOf(second, SECOND),
    minutes: valuesOf(minute, MINUTE),
    hours: valuesOf(hour, HOUR).word,
    days: new MonthDays(dayOfMonth, valuesOf(dayOfMonth, DAY_OF_MONTH).word, dayOfWeek, valuesOf(dayOfWeek, DAY_OF_WEEK).word),
    months: months.word,
    years,
  });
  if (!comes(times, years !== undefined)) throw neverComes(expression, { dayOfMonth, month, months, dayOfWeek, year, years });
  const hashed = fields.some(({ items }) => items.some(({ kind }) => kind === 'hashed'));
  return {
    text: fields.map(({ text }) => text).join(' '),
    fields,
    times,
    fixedTimes: !followsClock(minute) && !followsClock(hour),
    hashed,
    resolved: seed !== undefined || !hashed,
  };
}

/** Start and end of each field. */
function boundsOf(expression: string): number[] {
  const bounds: number[] = [];
  let inField = false;
  for (let at = 0; at < expression.length; at++) {
    const code = expression.charCodeAt(at);
    if ((code !== SPACE && code !== TAB) === inField) continue;
    bounds.push(at);
    inField = !inField;
  }
  if (inField) bounds.push(expression.length);
  return bounds;
}

function writtenOut(expression: string, start: number, end: number): string {
  const value = expression.slice(start, end);
  const name = value.toUpperCase();
  // The capital of a dotless i is an ASCII letter.
  if (/^@[A-Z]+$/i.test(value) && Object.hasOwn(MACROS, name)) return MACROS[name]!;
  let rule = `is none of ${Object.keys(MACROS).join(', ').toLowerCase()}`;
  if (name === '@REBOOT') rule = 'names no time: run the task when the process starts';
  if (name.startsWith('@EVERY')) rule = 'counts elapsed time: use an interval';
  throw new CronSyntaxError({ expression, value, position: start, rule });
}

function valuesOf(field: CronField, { min, end }: FieldRule): BitSet {
  const set = new BitSet();
  for (const item of field.items) {
    if (item.kind === 'every') set.addRange(min, end, item.step);
    else if (item.kind === 'hashed') for (const value of item.values) set.add(value);
    else if (item.kind === 'range') {
      const { first, last, step } = item;
      if (first <= last) set.addRange(first, last, step);
      else {
        set.addRange(first, end, step);
        // The step goes on counting behind the end of the field.
        const behind = (end - first + 1) % step;
        set.addRange(min + (behind === 0 ? 0 : step - behind), last, step);
      }
    }
  }
  return set;
}

function yearsOf(field: CronField): YearSet {
  const ranges = [];
  for (const item of field.items) {
    if (item.kind === 'range') ranges.push(item);
    else if (item.kind === 'every') ranges.push({ first: YEAR.min, last: YEAR.end, step: item.step });
  }
  return new YearSet(ranges);
}

function followsClock({ items }: CronField): boolean {
  for (const item of items) {
    if (item.kind === 'every' || (item.kind === 'range' && item.open)) return true;
    if (item.kind === 'hashed' && item.step !== undefined && !item.text.includes('(')) return true;
  }
  return false;
}
