import { CronDeclarationError, TriggerSyntaxError, TriggerTooSparseError, withPath } from './errors.ts';
import type { Trigger, TriggerKind } from './trigger.ts';
import { calendar } from './triggers/calendar-trigger.ts';
import { and, MOST_MEMBERS, or } from './triggers/combined-trigger.ts';
import { DEEPEST_NESTING } from './triggers/create-trigger.ts';
import { cron } from './triggers/cron-trigger.ts';
import { after, date } from './triggers/date-trigger.ts';
import { MOST_EXCLUSIONS } from './triggers/exclusion.ts';
import { isHolidayCalendar, type HolidayCalendar } from './triggers/holiday-calendar.ts';
import { interval } from './triggers/interval-trigger.ts';
import type { LimitOptions } from './triggers/limits.ts';
import { bounded, STEPS_PER_LIST } from './triggers/steps.ts';
import { LIMIT_OPTIONS } from './triggers/trigger-options.ts';

export interface ParseTriggerOptions {
  /** The holiday calendars that the JSON may name. Default: none. */
  readonly calendars?: readonly HolidayCalendar[] | undefined;
}

/**
 * Reads the JSON form of a trigger from input of any origin. `v` may be left out. An error of a trigger inside another one names
 * its path: `of.1.expr`, `exclude.0`.
 * @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`) for shape, values, time zones, calendars that were not given or are none, and no times
 * @throws CronSyntaxError (`ERR_CRON_SYNTAX`) for an expression
 * @throws CronDeclarationError (`ERR_CRON_DECLARATION`) for two holiday calendars of one name
 */
export function parseTrigger(json: unknown, { calendars = [] }: ParseTriggerOptions = {}): Trigger {
  if (!Array.isArray(calendars) || !calendars.every(isHolidayCalendar)) throw new TriggerSyntaxError('calendars', calendars, 'is not a list of holiday calendars');
  const byName = new Map(calendars.map((given) => [given.name, given]));
  if (byName.size < calendars.length) throw new CronDeclarationError([...byName.keys()].join(', '), 'are fewer names than holiday calendars: two have the same');
  try {
    return bounded(() => read(json, { calendars: byName, depth: 1 }), STEPS_PER_LIST);
  } catch (error) {
    if (!(error instanceof TriggerTooSparseError)) throw error;
    throw new TriggerSyntaxError(undefined, undefined, `is made of triggers whose first times are not found in ${error.steps} steps`, { cause: error });
  }
}

type Json = Readonly<Record<string, unknown>>;

interface Context {
  readonly calendars: ReadonlyMap<string, HolidayCalendar>;
  readonly depth: number;
}

/** The keys of each kind beside `v` and `kind`. */
const KEYS: Readonly<Record<TriggerKind, readonly string[]>> = {
  date: ['at', 'tz', 'fold'],
  after: ['delay'],
  interval: ['every', 'anchor', 'mode', ...LIMIT_OPTIONS],
  cron: ['expr', 'tz', 'dst', ...LIMIT_OPTIONS],
  calendar: ['every', 'anchor', 'tz', 'clamp', 'dst', ...LIMIT_OPTIONS],
  or: ['of', ...LIMIT_OPTIONS],
  and: ['of', 'threshold', ...LIMIT_OPTIONS],
};

const KINDS = Object.keys(KEYS);

function read(json: unknown, context: Context): Trigger {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new TriggerSyntaxError(undefined, json, 'is not an object');
  if (context.depth > DEEPEST_NESTING) throw new TriggerSyntaxError(undefined, undefined, `is more than ${DEEPEST_NESTING} triggers deep`);
  const fields = json as Json;
  const { v = 1, kind } = fields;
  if (v !== 1) throw new TriggerSyntaxError('v', v, 'is not 1, the only version that this release of @staddle/cron reads: a newer one may read it');
  if (!isKind(kind)) throw new TriggerSyntaxError('kind', kind, kind === undefined ? `is missing: one of ${KINDS.join(', ')}` : `is none of ${KINDS.join(', ')}`);
  for (const key of Object.keys(fields)) {
    if (key !== 'v' && key !== 'kind' && !KEYS[kind].includes(key)) throw new TriggerSyntaxError(key, fields[key], `is not a key of a trigger of kind ${kind}: ${KEYS[kind].join(', ')}`);
  }
  // Values that are neither text nor a list are checked where the options are.
  switch (kind) {
    case 'date':
      return date({ at: text(fields, 'at'), tz: optionalText(fields, 'tz'), fold: fields.fold as 0 | 1 | undefined });
    case 'after':
      return after({ delay: duration(fields, 'delay') });
    case 'interval':
      return interval({ every: duration(fields, 'every'), anchor: optionalText(fields, 'anchor'), mode: fields.mode as 'rate', ...limits(fields, context) });
    case 'cron':
      return cron(text(fields, 'expr'), { tz: text(fields, 'tz'), dst: fields.dst as object, ...limits(fields, context) });
    case 'calendar':
      return calendar({
        every: text(fields, 'every'),
        anchor: optionalText(fields, 'anchor'),
        tz: text(fields, 'tz'),
        clamp: fields.clamp as 'last',
        dst: fields.dst as object,
        ...limits(fields, context),
      });
    case 'or':
      return or(members(fields, context), limits(fields, context));
    case 'and':
      return and(members(fields, context), { threshold: optionalDuration(fields, 'threshold'), ...limits(fields, context) });
  }
}

function limits(fields: Json, context: Context): LimitOptions {
  return {
    startAt: optionalText(fields, 'startAt'),
    endAt: optionalText(fields, 'endAt'),
    maxRuns: fields.maxRuns as number,
    exclude: fields.exclude === undefined ? undefined : exclusions(fields, context),
    jitter: optionalDuration(fields, 'jitter'),
    seed: fields.seed as string,
  };
}

function members(fields: Json, context: Context): readonly Trigger[] {
  return list(fields, 'of', 'triggers', MOST_MEMBERS).map((member, index) => readWithin(`of.${index}`, member, context));
}

function exclusions(fields: Json, context: Context): readonly (HolidayCalendar | Trigger)[] {
  return list(fields, 'exclude', 'names of holiday calendars and triggers', MOST_EXCLUSIONS).map((excluded, index) => {
    const path = `exclude.${index}`;
    if (typeof excluded !== 'string') return readWithin(path, excluded, context);
    const given = context.calendars.get(excluded);
    if (given !== undefined) return given;
    const known = [...context.calendars.keys()].join(', ');
    throw new TriggerSyntaxError(path, excluded, known === '' ? 'names a holiday calendar, and none was given' : `is none of the holiday calendars that were given: ${known}`);
  });
}

function readWithin(path: string, json: unknown, { calendars, depth }: Context): Trigger {
  return withPath(path, () => read(json, { calendars, depth: depth + 1 }));
}

function isKind(kind: unknown): kind is TriggerKind {
  return typeof kind === 'string' && Object.hasOwn(KEYS, kind);
}

function list(fields: Json, key: string, what: string, most: number): readonly unknown[] {
  const value = fields[key];
  if (value === undefined) throw new TriggerSyntaxError(key, value, 'is missing');
  if (!Array.isArray(value)) throw new TriggerSyntaxError(key, value, `is not a list of ${what}`);
  if (value.length > most) throw new TriggerSyntaxError(key, undefined, `has ${value.length} items, more than ${most}`);
  return Array.from(value);
}

function text(fields: Json, key: string): string {
  const value = fields[key];
  if (value === undefined) throw new TriggerSyntaxError(key, value, 'is missing');
  if (typeof value !== 'string') throw new TriggerSyntaxError(key, value, 'is not text');
  return value;
}

function optionalText(fields: Json, key: string): string | undefined {
  return fields[key] === undefined ? undefined : text(fields, key);
}

function duration(fields: Json, key: string): string | number {
  return typeof fields[key] === 'number' ? fields[key] : text(fields, key);
}

function optionalDuration(fields: Json, key: string): string | number | undefined {
  return fields[key] === undefined ? undefined : duration(fields, key);
}
