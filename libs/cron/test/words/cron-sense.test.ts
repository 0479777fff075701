import { describe, expect, it } from 'vitest';
import { parseCronExpression } from '../../src/expression/cron-expression.ts';
import { senseOf, type CronSense, type Pattern, type Run, type Seeded } from '../../src/words/cron-sense.ts';
import { createDice, createRandom, randomExpression } from '../oracle/random-expression.ts';
import { unlessRefused } from './unless-refused.ts';

const DAY = 86_400;

/** The values of a run, around the end of a unit whose values are from `min` to `max`. */
function valuesOf({ first, last, step }: Run, min: number, max: number): number[] {
  const values: number[] = [];
  for (let value = first; ; value = value + step > max ? value + step - max - 1 + min : value + step) {
    values.push(value);
    if (value === last) return values;
  }
}

function patternValues(pattern: Pattern | undefined, max: number): number[] {
  if (pattern === undefined) return [0];
  return pattern.kind === 'all' ? valuesOf({ first: 0, last: max, step: 1 }, 0, max) : pattern.runs.flatMap((run) => valuesOf(run, 0, max));
}

function secondsOfDay({ times }: CronSense): Set<number> {
  if (times.kind === 'spans') return new Set(times.spans.flatMap((span) => valuesOf(span, 0, DAY - 1)));
  const [seconds, minutes, hours] = [patternValues(times.second, 59), patternValues(times.minute, 59), patternValues(times.hour, 23)];
  return new Set(hours.flatMap((hour) => minutes.flatMap((minute) => seconds.map((second) => hour * 3_600 + minute * 60 + second))));
}

function someHave(values: readonly (Seeded | { kind: 'run'; run: Run })[] | undefined, value: number, [min, max]: readonly [number, number]): boolean {
  return values === undefined || values.some((each) => each.kind === 'run' && valuesOf(each.run, min, max).includes(value));
}

/** By what the sense says and nothing else. */
function hasDay(sense: CronSense, date: Date): boolean {
  const [year, month, day, weekday] = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate(), date.getUTCDay()];
  const length = new Date(Date.UTC(year, month, 0)).getUTCDate();
  const nearestWorkday = (of: number): number => {
    const of7 = new Date(Date.UTC(year, month - 1, of)).getUTCDay();
    if (of7 === 6) return of === 1 ? 3 : of - 1;
    if (of7 === 0) return of === length ? of - 2 : of + 1;
    return of;
  };
  const monthDay = sense.monthDays?.some((each) => {
    if (each.kind === 'run') return valuesOf(each.run, 1, 31).includes(day);
    if (each.kind === 'workday') return each.day <= length && nearestWorkday(each.day) === day;
    if (each.kind === 'seeded' || each.offset >= length) return false;
    return (each.workday ? nearestWorkday(length - each.offset) : length - each.offset) === day;
  });
  const dayOfWeek = sense.weekdays?.some((each) => {
    if (each.kind === 'run') return valuesOf(each.run, 0, 6).includes(weekday);
    if (each.kind === 'nth-weekday') return each.weekday === weekday && Math.ceil(day / 7) === each.nth;
    return each.kind === 'last-weekday' && each.weekday === weekday && day + 7 > length;
  });
  const days = sense.either && monthDay !== undefined && dayOfWeek !== undefined ? monthDay || dayOfWeek : monthDay !== false && dayOfWeek !== false;
  return days && someHave(sense.months, month, [1, 12]) && someHave(sense.years, year, [1970, 9999]);
}

describe('what is said of an expression', () => {
  it('is when it comes, for random expressions', () => {
    const dice = createDice(createRandom(20_261_120));
    let said = 0;
    for (let round = 0; round < 1_500; round++) {
      const text = randomExpression(dice);
      const expression = unlessRefused(() => parseCronExpression(text));
      if (expression === undefined) continue;
      said++;
      const sense = senseOf(expression);
      const first = expression.times.next(Date.UTC(2024, 0, 1));
      if (first === Infinity) continue; // its years are over
      const start = Math.floor(first / 86_400_000) * 86_400_000;
      const seconds = secondsOfDay(sense);

      const onFirstDay: number[] = [];
      for (let at = expression.times.next(start); at < start + 86_400_000 && onFirstDay.length < 500; at = expression.times.next(at + 1_000)) onFirstDay.push((at - start) / 1_000);
      expect([text, onFirstDay]).toEqual([text, [...seconds].toSorted((a, b) => a - b).slice(0, 500)]);
      for (let day = start; day < start + 70 * 86_400_000; day += 86_400_000) {
        expect([text, new Date(day).toISOString(), hasDay(sense, new Date(day))]).toEqual([text, new Date(day).toISOString(), expression.times.next(day) < day + 86_400_000]);
      }
    }
    expect(said).toBeGreaterThan(1_000);
  });

  it('is no list of more than twelve times', () => {
    const { times } = senseOf(parseCronExpression('0 0,1,2,3,5,7,9,11,13,15,17,19,21 * * *'));
    expect(times.kind).toBe('nested');
  });
});
