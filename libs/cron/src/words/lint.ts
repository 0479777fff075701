import { hasCode, systemClock } from '@staddle/kernel';
import type { CronPart } from '../errors.ts';
import { parseCronExpression } from '../expression/cron-expression.ts';
import type { Language, LimitsJson, Trigger, TriggerJson } from '../trigger.ts';
import { parseTrigger, type ParseTriggerOptions } from '../trigger-json.ts';
import { readMoment } from '../triggers/trigger-options.ts';
import { dateOfDay, DAY_MS } from '../zone/civil-date.ts';
import { LATEST_MS, startingPoint } from '../zone/instant.ts';
import { tryTimeZone } from '../zone/time-zone.ts';
import { clockChanges, fixedTimesOf, isDaylightSaving, MOST_NAMED, timesWithin, type ClockChange, type FixedTimes } from './clock-changes.ts';
import { lintFields, type FieldFinding } from './lint-expression.ts';
import { dateText, listed, readLanguage, timeText, type Texts } from './text.ts';
import { canonicalZone } from './zone-names.ts';

/**
 * Stable: tools may show or hide warnings by it.
 *
 * - `uneven-step`: the step begins again with each hour, day, month or year, and the last distance is another one.
 * - `open-step`: `5/15` means `5-59/15`. `whole-range`: `0-59` means every value, but is a fixed time. `wrapped-range`: `22-2`.
 * - `either-day`: day of month and day of week are restricted, and either is enough. `stepped-day`: both must match, because one
 *   begins with a star and has a step.
 * - `short-month`, `leap-day`: a day that some months or years do not have. `limited-years`: the last year is near or past.
 * - `numeric-weekday`: a number in what looks like Quartz, which counts weekdays otherwise: six fields or more, or a `?`.
 * - `in-gap`, `in-overlap`: fixed times that clocks skip, or show twice, within the horizon. `unused-policy`: `dst` where it means nothing.
 * - `zone-alias`: another name of a zone. `fast`: two times are closer together than `minPeriodMs`.
 */
export type LintRule = FieldFinding['rule'] | 'in-gap' | 'in-overlap' | 'unused-policy' | 'zone-alias' | 'fast';

/** Something that is valid and may not be what was meant. */
export interface LintWarning {
  readonly rule: LintRule;
  readonly message: string;
  /** Dotted path in the JSON of the trigger: `expr`, `of.1.tz`. */
  readonly field: string;
  /** Of an expression. */
  readonly part?: CronPart;
  /** What the warning is about. */
  readonly value: string;
  /** Index of `value` in the expression as the trigger's JSON has it. */
  readonly position?: number;
  /** The clock changes that it is about. */
  readonly at?: readonly number[];
}

export interface LintOptions extends ParseTriggerOptions {
  /** Epoch ms from which clock changes and years count. Default: now. */
  readonly from?: number | undefined;
  /** How far ahead. Default: two years. */
  readonly horizonMs?: number | undefined;
  /** Warns of triggers with two times closer together than this. Default: not at all. */
  readonly minPeriodMs?: number | undefined;
  /** Of the messages. Default: English. */
  readonly language?: Language | undefined;
}

const DEFAULT_HORIZON_MS = 731 * DAY_MS;
// Enough to meet every distance of what repeats within a day, as nearly everything that is fast does.
const TIMES_LOOKED_AT = 1_000;

/**
 * What is valid about a trigger and may yet surprise. What is wrong is refused by the builders and `parseTrigger` instead.
 * @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`), CronSyntaxError (`ERR_CRON_SYNTAX`) for JSON that is no trigger
 * @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`) for a language that it does not speak
 * @throws InvalidInstantError (`ERR_CRON_INSTANT`) for a `from` that is no number
 */
export function lintTrigger(trigger: Trigger | TriggerJson, options: LintOptions = {}): readonly LintWarning[] {
  const parsed = isBuilt(trigger) ? trigger : parseTrigger(trigger, options);
  const { from = systemClock.now(), horizonMs = DEFAULT_HORIZON_MS, minPeriodMs = 0, language = 'en' } = options;
  readLanguage(language);
  const fromMs = Math.max(startingPoint(from), 0);
  const context: Context = { excluded: false, fromMs, toMs: Math.min(fromMs + horizonMs, LATEST_MS), warning: (rule, texts, about) => Object.freeze({ rule, message: texts[language], ...about }) };
  return [...lintJson(parsed.toJSON(), '', context), ...tooFast(parsed, minPeriodMs, context)];
}

function isBuilt(trigger: Trigger | TriggerJson): trigger is Trigger {
  return typeof (trigger as Partial<Trigger> | null)?.toJSON === 'function';
}

interface Context {
  /** Within an exclusion: what clock changes do to times that do not run is no news. */
  readonly excluded: boolean;
  readonly fromMs: number;
  readonly toMs: number;
  warning(rule: LintRule, texts: Texts, about: Omit<LintWarning, 'rule' | 'message'>): LintWarning;
}

function lintJson(json: TriggerJson, path: string, context: Context): readonly LintWarning[] {
  return [
    ...(json.kind === 'cron' ? lintExpression(json.expr, json.seed, path, context) : []),
    ...('tz' in json && json.tz !== undefined ? lintZone(json.tz, path, context) : []),
    ...lintClockChanges(json, path, context),
    ...(json.kind === 'or' || json.kind === 'and' ? json.of.flatMap((member, index) => lintJson(member, `${path}of.${index}.`, context)) : []),
    ...('exclude' in json ? json.exclude!.flatMap((excluded, index) => (typeof excluded === 'string' ? [] : lintJson(excluded, `${path}exclude.${index}.`, { ...context, excluded: true }))) : []),
  ];
}

function lintExpression(expr: string, seed: string | undefined, path: string, { fromMs, toMs, warning }: Context): readonly LintWarning[] {
  const { fields } = parseCronExpression(expr, seed);
  const yearOf = (ms: number): number => dateOfDay(Math.floor(ms / DAY_MS)).year;
  return lintFields(fields, yearOf(fromMs), yearOf(toMs)).map(({ rule, part, item, texts }) =>
    warning(rule, texts, { field: `${path}expr`, part, value: item.text, position: item.position }),
  );
}

function lintZone(tz: string, path: string, { warning }: Context): readonly LintWarning[] {
  const canonical = canonicalZone(tz);
  if (canonical === tz) return [];
  return [warning('zone-alias', { en: `${tz} is another name of ${canonical}`, zh: `${tz} 是 ${canonical} 的别名` }, { field: `${path}tz`, value: tz })];
}

function lintClockChanges(json: TriggerJson, path: string, { excluded, fromMs, toMs, warning }: Context): readonly LintWarning[] {
  if (excluded) return [];
  const fixed = fixedTimesOf(json);
  if (json.kind === 'cron' && json.dst !== undefined && !parseCronExpression(json.expr, json.seed).fixedTimes) {
    const texts = { en: `${json.expr} follows the clock, so that no policy for clock changes applies`, zh: `${json.expr} 跟随时钟，时钟变更策略不起作用` };
    return [warning('unused-policy', texts, { field: `${path}dst`, value: JSON.stringify(json.dst) })];
  }
  if (fixed === undefined || !('tz' in json)) return [];
  const zone = tryTimeZone(json.tz!)!;
  const { startAt, endAt }: LimitsJson = json.kind === 'date' ? {} : json;
  const [startMs = 0, endMs = toMs] = [readMoment('startAt', startAt, zone)?.ms, readMoment('endAt', endAt, zone)?.ms];
  // A date is one time, wherever it is.
  const [afterMs, untilMs] = json.kind === 'date' ? aroundDate(zone.instantOf(fixed.next(-Infinity))) : [Math.max(fromMs, startMs) - 1, Math.min(toMs, endMs)];
  const changes = clockChanges(zone, afterMs, untilMs).filter(isDaylightSaving);
  const about = (at: readonly number[]): Omit<LintWarning, 'rule' | 'message'> => {
    const [field, value] = json.kind === 'date' ? ['at', json.at] : json.kind === 'cron' ? ['expr', json.expr] : ['anchor', (json as { anchor: string }).anchor];
    return { field: `${path}${field}`, value, at };
  };
  return [
    ...hits(fixed, changes.filter(({ oldOffsetMs, newOffsetMs }) => newOffsetMs > oldOffsetMs)).map(({ at, texts }) => {
      const then = GAP_TEXTS[fixed.gap];
      return warning('in-gap', { en: `clocks skip ${texts.en}: ${then.en}`, zh: `时钟会跳过 ${texts.zh}：${then.zh}` }, about(at));
    }),
    ...(json.kind === 'date' && json.fold !== undefined ? [] : hits(fixed, changes.filter(({ oldOffsetMs, newOffsetMs }) => newOffsetMs < oldOffsetMs))).map(({ at, texts }) => {
      const then = OVERLAP_TEXTS[fixed.overlap];
      return warning('in-overlap', { en: `clocks show ${texts.en} twice: ${then.en}`, zh: `时钟会两次显示 ${texts.zh}：${then.zh}` }, about(at));
    }),
  ];
}

const GAP_TEXTS = {
  fire_at_end: { en: 'it runs at the jump', zh: '将在跳变时执行' },
  shift: { en: 'it is moved by the length of the gap', zh: '将按跳变时长顺延' },
  skip: { en: 'it is left out', zh: '将不执行' },
};

const OVERLAP_TEXTS = {
  first: { en: 'it runs the first time', zh: '只在第一次执行' },
  second: { en: 'it runs the second time', zh: '只在第二次执行' },
  both: { en: 'it runs both times', zh: '两次都执行' },
};

function aroundDate(ms: number): readonly [number, number] {
  return [ms - DAY_MS, ms + DAY_MS];
}

/** The local times that are skipped or shown twice at the changes, as one text: none or one. */
function hits(fixed: FixedTimes, changes: readonly ClockChange[]): readonly { readonly at: readonly number[]; readonly texts: Texts }[] {
  const found = changes.flatMap(({ at, oldOffsetMs, newOffsetMs }) => {
    const times = timesWithin(fixed, at + Math.min(oldOffsetMs, newOffsetMs), at + Math.max(oldOffsetMs, newOffsetMs));
    return times.length === 0 ? [] : [{ at, times }];
  });
  if (found.length === 0) return [];
  const texts = found.map(({ times }) => {
    const clocks = listed(times.map(timeText), MOST_NAMED);
    return { en: `${clocks.en} on ${dateText(times[0]!)}`, zh: `${dateText(times[0]!)} 的 ${clocks.zh}` };
  });
  const [en, zh] = [listed(texts.map((text) => text.en), MOST_NAMED).en, listed(texts.map((text) => text.zh), MOST_NAMED).zh];
  return [{ at: found.map(({ at }) => at), texts: { en, zh } }];
}

function tooFast(trigger: Trigger, minPeriodMs: number, { fromMs, toMs, warning }: Context): readonly LintWarning[] {
  if (minPeriodMs <= 0) return [];
  const shortest = shortestPeriodMs(trigger, fromMs, toMs);
  if (shortest >= minPeriodMs) return [];
  const json = trigger.toJSON();
  const [field, value] = json.kind === 'cron' ? ['expr', json.expr] : json.kind === 'interval' || json.kind === 'calendar' ? ['every', json.every] : ['of', json.kind];
  return [warning('fast', { en: `two of its times are ${shortest} ms apart, less than ${minPeriodMs} ms`, zh: `有两次执行相隔 ${shortest} 毫秒，少于 ${minPeriodMs} 毫秒` }, { field, value })];
}

function shortestPeriodMs(trigger: Trigger, fromMs: number, toMs: number): number {
  try {
    const times = trigger.between(fromMs, toMs, TIMES_LOOKED_AT);
    return times.slice(1).reduce((shortest, at, index) => Math.min(shortest, at - times[index]!), Infinity);
  } catch (error) {
    // What has no times yet has no distances; what is too sparse to find is not fast.
    if (hasCode(error, 'ERR_CRON_UNRESOLVED') || hasCode(error, 'ERR_CRON_TOO_SPARSE')) return Infinity;
    throw error;
  }
}
