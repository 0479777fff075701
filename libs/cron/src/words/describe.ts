import { parseDuration } from '@staddle/kernel';
import { parseCronExpression } from '../expression/cron-expression.ts';
import type { AndTriggerJson, CalendarTriggerJson, DstPolicy, Language, LimitsJson, OrTriggerJson, TriggerJson } from '../trigger.ts';
import { readPeriod } from '../triggers/calendar-period.ts';
import { dateOfDay, DAY_MS, weekdayOfDay } from '../zone/civil-date.ts';
import { tryParseDateTime } from '../zone/local-time.ts';
import { chinese } from './chinese.ts';
import { senseOf } from './cron-sense.ts';
import { english } from './english.ts';
import { readLanguage } from './text.ts';
import type { CalendarSense, Words } from './words.ts';

const WORDS: Readonly<Record<Language, Words>> = { en: english, zh: chinese };

/** A trigger in words, from its canonical JSON. */
export function describeTrigger(json: TriggerJson, language: Language): string {
  return sentenceOf(json, WORDS[readLanguage(language)]);
}

function sentenceOf(json: TriggerJson, words: Words): string {
  const main = mainClause(json, words);
  if (json.kind === 'date' || json.kind === 'after') return main;
  return words.sentence(main, limitClauses(json, words), 'dst' in json && json.dst !== undefined && isFixed(json) ? policyClauses(json.dst, words) : []);
}

function mainClause(json: TriggerJson, words: Words): string {
  switch (json.kind) {
    case 'date':
      return words.once(momentOf(json.at), json.fold ?? 0) + (json.tz === undefined ? '' : words.zone(printable(json.tz)));
    case 'after':
      return words.after(parseDuration(json.delay));
    case 'interval': {
      const anchor = json.anchor === undefined ? undefined : momentOf(json.anchor);
      return words[json.mode ?? 'rate'](parseDuration(json.every), anchor);
    }
    case 'cron':
      return words.cron(senseOf(parseCronExpression(json.expr, json.seed))) + words.zone(printable(json.tz));
    case 'calendar':
      return words.calendar(calendarSense(json)) + words.zone(printable(json.tz));
    case 'or':
      return words.or(membersOf(json, words));
    case 'and':
      return words.and(membersOf(json, words), json.threshold === undefined ? 0 : parseDuration(json.threshold));
  }
}

/** Quoted where it could not be told what belongs to which. */
function membersOf(json: OrTriggerJson | AndTriggerJson, words: Words): readonly string[] {
  const limited = limitClauses(json, words).length > 0;
  return json.of.map((member) => {
    const sentence = sentenceOf(member, words);
    return limited || member.kind === 'or' || member.kind === 'and' ? words.quoted(sentence) : sentence;
  });
}

function limitClauses({ startAt, endAt, maxRuns, exclude, jitter }: LimitsJson, words: Words): readonly string[] {
  return [
    ...(startAt === undefined ? [] : [words.from(momentOf(startAt))]),
    ...(endAt === undefined ? [] : [words.until(momentOf(endAt))]),
    ...(maxRuns === undefined ? [] : [words.atMost(maxRuns)]),
    ...(exclude ?? []).map((excluded) =>
      typeof excluded === 'string' ? words.exceptCalendar(`\`${printable(excluded)}\``) : words.exceptTrigger(words.quoted(sentenceOf(excluded, words))),
    ),
    ...(jitter === undefined ? [] : [words.jitter(parseDuration(jitter))]),
  ];
}

function policyClauses({ gap, overlap }: Partial<DstPolicy>, words: Words): readonly string[] {
  return [...(gap === undefined ? [] : [words.gap(gap)]), ...(overlap === undefined ? [] : [words.overlap(overlap)])];
}

/** Policies speak of fixed times: an expression that follows the clock has none. */
function isFixed(json: TriggerJson): boolean {
  return json.kind !== 'cron' || parseCronExpression(json.expr, json.seed).fixedTimes;
}

function calendarSense({ every, anchor, clamp }: CalendarTriggerJson): CalendarSense {
  const { months, days } = readPeriod(every);
  const extraDays = months > 0 ? days : 0;
  const unit = months > 0 ? (months % 12 === 0 ? 'year' : 'month') : days % 7 === 0 ? 'week' : 'day';
  const count = { year: months / 12, month: months, week: days / 7, day: days }[unit];
  if (anchor === undefined) return { count, unit, extraDays, anchor: undefined, clamp: undefined };
  const day = Math.floor(tryParseDateTime(anchor)!.localMs / DAY_MS);
  const date = dateOfDay(day);
  const clamps = (unit === 'month' && date.day > 28) || (unit === 'year' && date.month === 2 && date.day === 29);
  const [dateText, time] = momentOf(anchor).split(' ') as [string, string];
  return { count, unit, extraDays, anchor: { ...date, date: dateText, time, weekday: weekdayOfDay(day) }, clamp: clamps ? (clamp ?? 'last') : undefined };
}

/** `2026-01-01T00:00:00.000Z` as `2026-01-01 00:00 UTC`. */
function momentOf(iso: string): string {
  const [, date, minutes, rest = '', utc] = /^(.{10})T(\d\d:\d\d)(?::(\d\d(?:\.\d+)?))?(Z?)$/.exec(iso)!;
  const seconds = rest.replace(/\.0+$/, '');
  return `${date} ${minutes}${seconds === '' || seconds === '00' ? '' : `:${seconds}`}${utc === 'Z' ? ' UTC' : ''}`;
}

/** Names come from outside: what controls a terminal or turns the direction of text is shown as its code. */
function printable(text: string): string {
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}
