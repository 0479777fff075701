import { hasCode, systemClock } from '@staddle/kernel';
import { InvalidInstantError, TriggerSyntaxError } from '../errors.ts';
import type { DstPolicy, Language, Trigger, TriggerJson } from '../trigger.ts';
import { cron } from '../triggers/cron-trigger.ts';
import { bounded, STEPS_PER_LIST } from '../triggers/steps.ts';
import { readTimeZone } from '../triggers/trigger-options.ts';
import { DAY_MS, weekdayOfDay } from '../zone/civil-date.ts';
import { formatInstant, LATEST_MS } from '../zone/instant.ts';
import type { TimeZone } from '../zone/time-zone.ts';
import { WEEKDAYS } from './english.ts';
import { notesOf } from './explain-notes.ts';
import { lintTrigger, type LintWarning } from './lint.ts';
import { dateAndTime, offsetText, type Texts } from './text.ts';

export interface ExplainOptions {
  /** Epoch ms after which times are listed. Default: now. */
  readonly after?: number | undefined;
  /** How many times, 1 to 1000. Default 20. */
  readonly count?: number | undefined;
  /** Default: English. */
  readonly language?: Language | undefined;
  /** What spreads `H` and jitter: the name of the task. Without it a trigger that needs one has no times. */
  readonly seed?: string | undefined;
}

export interface ExplainExpressionOptions extends ExplainOptions {
  /** As of `cron`. */
  readonly dst?: Partial<DstPolicy> | undefined;
}

export interface ExplainTriggerOptions extends ExplainOptions {
  /** In which zone local times are shown. Default: the trigger's own, UTC where it has none or several. */
  readonly tz?: string | undefined;
}

export interface ExplainedTime {
  readonly at: number;
  /** In UTC. */
  readonly iso: string;
  /** What clocks show: `2026-03-29 03:00:00`. */
  readonly local: string;
  readonly weekday: string;
  /** Local time minus UTC: `+02:00`. */
  readonly offset: string;
  /** What is special about this one: clock changes, days that a month does not have, jitter. */
  readonly note?: string;
}

export interface Explanation {
  readonly sentence: string;
  readonly trigger: TriggerJson;
  readonly warnings: readonly LintWarning[];
  /** The zone of the local times. */
  readonly tz: string;
  readonly times: readonly ExplainedTime[];
  /**
   * Why there are fewer times than asked for: `ended` no more come; `unresolved` they depend on the creation and a seed;
   * `too-sparse` the next one takes too long to find. Undefined when there are as many as asked for.
   */
  readonly end: 'ended' | 'unresolved' | 'too-sparse' | undefined;
  /** All of it for a terminal. */
  readonly text: string;
}

const MOST_TIMES = 1_000;

const WEEKDAY_NAMES: Readonly<Record<Language, readonly string[]>> = {
  en: WEEKDAYS,
  zh: ['星期日', '星期一', '星期二', '星期三', '星期四', '星期五', '星期六'],
};

const ENDS: Readonly<Record<NonNullable<Explanation['end']>, Texts>> = {
  ended: { en: 'no more times', zh: '此后不再执行' },
  unresolved: { en: 'its times depend on a seed, which is not given', zh: '执行时间取决于种子，尚未给出' },
  'too-sparse': { en: 'the next time takes too long to find: it is too sparse, or leaves out too much', zh: '下一次过于稀疏或排除过多，无法在限定步数内找到' },
};

/**
 * An expression in words, with warnings and its next times as clocks show them.
 * @throws CronSyntaxError (`ERR_CRON_SYNTAX`), TriggerSyntaxError (`ERR_CRON_TRIGGER`) for the expression, zone, policy and language
 * @throws InvalidInstantError (`ERR_CRON_INSTANT`) for `after` and `count`
 */
export function explain(expression: string, tz: string, options?: ExplainExpressionOptions): Explanation;
/**
 * A trigger in words. One that depends on its creation is taken as created at `after`.
 * @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`) for what is no trigger, and for `tz` and `language`
 * @throws InvalidInstantError (`ERR_CRON_INSTANT`) for `after` and `count`
 */
export function explain(trigger: Trigger, options?: ExplainTriggerOptions): Explanation;
export function explain(what: string | Trigger, second?: string | ExplainTriggerOptions, third: ExplainExpressionOptions = {}): Explanation {
  // As the scheduler: a trigger of another copy of this package will do.
  if (typeof what !== 'string' && typeof (what as Partial<Trigger> | null | undefined)?.describe !== 'function') throw new TriggerSyntaxError(undefined, what, 'is neither an expression nor a trigger: parseTrigger makes one of JSON');
  if (typeof what !== 'string') return explainTrigger(what, (second ?? {}) as ExplainTriggerOptions);
  return explainTrigger(cron(what, { tz: second as string, dst: third.dst }), third);
}

function explainTrigger(trigger: Trigger, { after: from, count = 20, language = 'en', seed, tz }: ExplainTriggerOptions): Explanation {
  const afterMs = from ?? systemClock.now();
  if (typeof afterMs !== 'number' || Number.isNaN(afterMs)) throw new InvalidInstantError(afterMs, 'is not a number of milliseconds');
  if (!Number.isInteger(count) || count < 1 || count > MOST_TIMES) throw new InvalidInstantError(count, `as a count of times is not a whole number from 1 to ${MOST_TIMES}`);
  const sentence = trigger.describe(language);
  const createdAt = Math.min(Math.max(afterMs, 0), LATEST_MS);
  const resolved = tryResolve(trigger, createdAt, seed);
  const json = trigger.toJSON();
  const shownIn = tz ?? zoneOf(json) ?? 'UTC';
  const zone = readTimeZone(shownIn);
  const { instants, end } = resolved === undefined ? { instants: [], end: 'ended' as const } : instantsAfter(resolved, afterMs, count);
  const notes = resolved === undefined ? [] : notesOf(resolved, instants, zone, language);
  const times = instants.map((at, index) => timeOf(at, zone, language, notes[index]!));
  const warnings = lintTrigger(resolved ?? trigger, { from: createdAt, language });
  return { sentence, trigger: json, warnings, tz: shownIn, times, end, text: textOf(sentence, warnings, times, end && ENDS[end][language]) };
}

/** Undefined for a trigger whose limits leave nothing when it is created so late, and for one whose `H` becomes a day that never comes. */
function tryResolve(trigger: Trigger, nowMs: number, seed: string | undefined): Trigger | undefined {
  try {
    return trigger.resolve(nowMs, { seed });
  } catch (error) {
    if (hasCode(error, 'ERR_CRON_TRIGGER') || hasCode(error, 'ERR_CRON_SYNTAX')) return undefined;
    throw error;
  }
}

function instantsAfter(trigger: Trigger, afterMs: number, count: number): { readonly instants: readonly number[]; readonly end: Explanation['end'] } {
  const instants: number[] = [];
  try {
    bounded(() => {
      for (let at = trigger.next(afterMs); at !== undefined; at = trigger.next(at)) {
        instants.push(at);
        if (instants.length === count) return;
      }
    }, STEPS_PER_LIST);
    return { instants, end: instants.length < count ? 'ended' : undefined };
  } catch (error) {
    if (hasCode(error, 'ERR_CRON_UNRESOLVED')) return { instants, end: 'unresolved' };
    if (hasCode(error, 'ERR_CRON_TOO_SPARSE')) return { instants, end: 'too-sparse' };
    throw error;
  }
}

/** The one zone of a trigger and all that it is made of. */
function zoneOf(json: TriggerJson): string | undefined {
  if (json.kind === 'or' || json.kind === 'and') {
    const zones = new Set(json.of.map(zoneOf));
    return zones.size === 1 ? [...zones][0] : undefined;
  }
  return 'tz' in json ? json.tz : undefined;
}

function timeOf(at: number, zone: TimeZone, language: Language, note: string): ExplainedTime {
  const { offsetMs } = zone.periodAt(at);
  const localMs = at + offsetMs;
  const weekday = WEEKDAY_NAMES[language][weekdayOfDay(Math.floor(localMs / DAY_MS))]!;
  return { at, iso: formatInstant(at), local: dateAndTime(localMs), weekday, offset: offsetText(offsetMs), ...(note !== '' && { note }) };
}

function textOf(sentence: string, warnings: readonly LintWarning[], times: readonly ExplainedTime[], end: string | undefined): string {
  const width = Math.max(0, ...times.map(({ weekday }) => weekday.length));
  return [
    sentence,
    ...warnings.map(({ rule, message }) => `  ! ${message} [${rule}]`),
    '',
    ...times.map(({ local, offset, weekday, note }) => `  ${local} ${offset}  ${note === undefined ? weekday : `${weekday.padEnd(width)}  ${note}`}`),
    ...(end === undefined ? [] : [`  ${end}`]),
    '',
  ].join('\n');
}
