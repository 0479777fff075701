import { CronImportError, CronSyntaxError, TriggerSyntaxError, TriggerTooSparseError } from '../errors.ts';
import type { ScheduleOptions } from '../scheduler/schedule.ts';
import type { Trigger } from '../trigger.ts';
import { tryTimeZone, type TimeZone } from '../zone/time-zone.ts';

/*
 * Schedules of other systems, as triggers of this one.
 *
 * 1. The times of the trigger are those of the original, for ever, or a note says where they are not. What has no equal
 *    trigger is refused (`ERR_CRON_IMPORT`), with the field and the rule.
 * 2. A time zone is always given: in the schedule, or by the caller. The zone of this machine is never taken.
 * 3. Nothing is read but the arguments, and nothing depends on the present time.
 * 4. `options` are what the original says about overlap, missed runs and pauses; they belong to `scheduler.schedule`.
 */

/** What a note is about; stable. */
export type ImportRule =
  /** Where clocks change the times differ; the message says how. Absent for zones whose clocks do not change. */
  | 'clock_change'
  /** The original reads a part of the text as if it were not there, and so do we. */
  | 'ignored_text'
  /** Versions of the original differ; the message says which one was followed. */
  | 'version'
  /** The original draws a delay or a time at random; here the name of the schedule decides. */
  | 'random'
  /** The original counts from the end or the lateness of the last run; here from an anchor. */
  | 'drift'
  /** The first run is at another time. */
  | 'first_run'
  /** A start or end is a local time that clocks skip or repeat. */
  | 'ambiguous_limit'
  /** Times that agree are paired in another way. */
  | 'pairing'
  /** What becomes of runs that come late or overlap differs. */
  | 'missed_runs'
  | 'overlap'
  /** The number of runs is counted from another point. */
  | 'run_count'
  /** Environment of the original, which no handler sees. */
  | 'environment';

/** Where the trigger differs from its original. */
export interface ImportNote {
  readonly rule: ImportRule;
  readonly message: string;
  /** The key, field or line of the original. */
  readonly field?: string;
}

export interface Imported {
  readonly trigger: Trigger;
  /** For `scheduler.schedule`; empty when the original says nothing. */
  readonly options: ScheduleOptions;
  readonly notes: readonly ImportNote[];
}

// As for our own expressions: each item of a list may stand for all values of its field.
const LONGEST = 1_000;

/** One importer at work: it refuses in the name of its system and collects notes. */
export class Importing {
  readonly notes: ImportNote[] = [];
  readonly #system: string;

  constructor(system: string) {
    this.#system = system;
  }

  refuse(field: string, value: unknown, rule: string, options?: ErrorOptions): never {
    throw new CronImportError(this.#system, field, value, rule, options);
  }

  note(rule: ImportRule, message: string, field?: string): void {
    this.notes.push({ rule, message, ...(field !== undefined && { field }) });
  }

  /** @throws CronImportError (`ERR_CRON_IMPORT`) for a zone that is missing or unknown */
  zone(field: string, tz: unknown): { readonly tz: string; readonly zone: TimeZone } {
    if (tz === undefined || tz === null || tz === '') this.refuse(field, tz, 'is missing: give the IANA time zone that the original ran in, such as Europe/Paris, or UTC');
    const zone = typeof tz === 'string' ? tryTimeZone(tz) : undefined;
    if (zone === undefined) this.refuse(field, tz, 'is not an IANA time zone such as Europe/Paris, or UTC');
    return { tz: tz as string, zone };
  }

  /** Notes what is different where clocks change, for a zone in which they do. */
  noteClockChanges(zone: TimeZone, message: string): void {
    if (changesClocks(zone)) this.note('clock_change', message);
  }

  /** Builds a trigger; what our grammar refuses is refused in the name of the original. */
  build(field: string, value: unknown, make: () => Trigger): Trigger {
    try {
      return make();
    } catch (cause) {
      if (cause instanceof CronSyntaxError) this.refuse(field, value, `has no equal trigger: ${cause.rule}`, { cause });
      if (cause instanceof TriggerSyntaxError) this.refuse(field, value, `has no equal trigger: ${cause.field ?? 'it'} ${cause.rule}`, { cause });
      if (cause instanceof TriggerTooSparseError) this.refuse(field, value, `has no equal trigger: ${cause.message}`, { cause });
      throw cause;
    }
  }

  /** The object, or a refusal of anything else. */
  record(field: string, value: unknown): Readonly<Record<string, unknown>> {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) this.refuse(field, value, 'is not an object');
    return value as Readonly<Record<string, unknown>>;
  }

  /** A key that is a text; undefined when it is absent or null. */
  text(field: string, value: unknown): string | undefined {
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'string') this.refuse(field, value, 'is not a text');
    if (value.length > LONGEST) this.refuse(field, value, `has ${value.length} characters, more than ${LONGEST}`);
    return value;
  }

  /** A key that is a number of at least `min`; undefined when it is absent or null. */
  number(field: string, value: unknown, min: number): number | undefined {
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'number' || !Number.isFinite(value) || value < min) this.refuse(field, value, `is not a number of at least ${min}`);
    return value;
  }

  done(trigger: Trigger, options: ScheduleOptions = {}): Imported {
    return { trigger, options, notes: this.notes };
  }
}

// Zones that have given up summer time for good should not be warned of it for ever; those that may change again say so in
// tzdata up to 2037.
const LOOK_FROM = Date.UTC(2020, 0, 1);
const LOOK_TO = Date.UTC(2038, 0, 1);

function changesClocks(zone: TimeZone): boolean {
  for (let period = zone.periodAt(LOOK_FROM); period.endAt < LOOK_TO; period = zone.periodAt(period.endAt)) {
    if (zone.periodAt(period.endAt).offsetMs !== period.offsetMs) return true;
  }
  return false;
}
