import { InvalidScheduleError } from '../errors.ts';
import type { Trigger } from '../trigger.ts';
import type { CronHandler, MisfirePolicy, OverlapPolicy, ScheduleLockOptions, ScheduleOptions } from './schedule.ts';
import type { SchedulerLocks, SchedulerOptions } from './scheduler.ts';

/** The options of a schedule, filled in and checked. Shared by all schedules that have the same ones. */
export interface ScheduleSettings {
  readonly overlap: OverlapPolicy;
  readonly misfire: MisfirePolicy;
  /** While the trigger is a date. */
  readonly dateMisfire: MisfirePolicy;
  /** `Infinity` for none. */
  readonly timeoutMs: number;
  readonly paused: boolean;
  readonly lock: ScheduleLockOptions & { readonly keepMs: number };
}

/** Most runs of one schedule that `buffer_all` lets wait. */
export const MOST_BUFFERED = 1_000;

// A late run of something that repeats stands for the present; a date has only one chance.
const MISFIRE: MisfirePolicy = Object.freeze({ mode: 'latest', windowMs: 3_600_000, max: 100, graceMs: 5_000 });
const DATE_MISFIRE: MisfirePolicy = Object.freeze({ ...MISFIRE, mode: 'earliest', windowMs: 86_400_000 });

const OVERLAPS: readonly OverlapPolicy[] = ['skip', 'buffer_one', 'buffer_all', 'cancel_other', 'allow'];
const MODES: readonly MisfirePolicy['mode'][] = ['latest', 'earliest', 'all', 'none'];
const ON_CRASH: readonly NonNullable<ScheduleLockOptions['onCrash']>[] = ['skip', 'retry'];
const SCHEDULER_OPTIONS: readonly (keyof SchedulerOptions)[] = ['locks', 'clock', 'logger', 'metrics', 'concurrency', 'defaults', 'onEvent'];
const OPTIONS: readonly (keyof ScheduleOptions)[] = ['overlap', 'misfire', 'timeoutMs', 'paused', 'lock'];
const MISFIRE_OPTIONS: readonly (keyof MisfirePolicy)[] = ['mode', 'windowMs', 'max', 'graceMs'];
const LOCK_OPTIONS: readonly (keyof ScheduleLockOptions)[] = ['ttlMs', 'keepMs', 'onCrash'];
const KEEP_MS = 172_800_000;
const LONGEST_NAME = 200;
const MOST_CAUGHT_UP = 10_000;
/** 285 years, as much as locks take. */
const LONGEST_MS = 2 ** 43;

/** @throws InvalidScheduleError (`ERR_CRON_SCHEDULE`) */
export function checkName(name: unknown): asserts name is string {
  // Half of a surrogate pair has no UTF-8: in a store of locks such names would all read the same.
  if (typeof name !== 'string' || name === '' || name.length > LONGEST_NAME || !name.isWellFormed()) {
    throw new InvalidScheduleError('name', name, `is not well-formed text of 1 to ${LONGEST_NAME} characters`);
  }
}

/** @throws InvalidScheduleError (`ERR_CRON_SCHEDULE`) */
export function checkTrigger(trigger: unknown): asserts trigger is Trigger {
  const parts = trigger as Partial<Trigger> | null | undefined;
  if (typeof parts?.next !== 'function' || typeof parts.prev !== 'function' || typeof parts.resolve !== 'function') {
    throw new InvalidScheduleError('trigger', trigger, 'is not a trigger: make one by cron, interval, calendar, date, after, or, and, or parseTrigger');
  }
}

/** @throws InvalidScheduleError (`ERR_CRON_SCHEDULE`) */
export function checkHandler(handler: unknown): asserts handler is CronHandler {
  if (typeof handler !== 'function') throw new InvalidScheduleError('handler', handler, 'is not a function');
}

/** @throws InvalidScheduleError (`ERR_CRON_SCHEDULE`) unless `value` is a whole number from `least` up, or undefined */
export function checkMs(field: string, value: unknown, least = 0): void {
  if (value === undefined || (Number.isInteger(value) && (value as number) >= least && (value as number) <= LONGEST_MS)) return;
  throw new InvalidScheduleError(field, value, `is not a whole number of milliseconds from ${least} to 2^43`);
}

/** @throws InvalidScheduleError (`ERR_CRON_SCHEDULE`) unless `value` is one of `choices`, or undefined */
export function checkChoice(field: string, value: unknown, choices: readonly string[]): void {
  if (value !== undefined && !choices.includes(value as string)) throw new InvalidScheduleError(field, value, `is none of ${choices.join(', ')}`);
}

/**
 * @param path before the name of a bad option, as `defaults.`
 * @throws InvalidScheduleError (`ERR_CRON_SCHEDULE`)
 */
export function checkScheduleOptions(options: ScheduleOptions, path = ''): void {
  checkKeys(path, options, OPTIONS, 'a schedule');
  const { overlap, misfire, timeoutMs, paused, lock } = options;
  checkChoice(`${path}overlap`, overlap, OVERLAPS);
  checkMs(`${path}timeoutMs`, timeoutMs, 1);
  if (paused !== undefined && typeof paused !== 'boolean') throw new InvalidScheduleError(`${path}paused`, paused, 'is neither true nor false');
  if (misfire !== undefined) {
    checkKeys(`${path}misfire.`, misfire, MISFIRE_OPTIONS, 'a misfire policy');
    const { max } = misfire;
    checkChoice(`${path}misfire.mode`, misfire.mode, MODES);
    checkMs(`${path}misfire.windowMs`, misfire.windowMs);
    checkMs(`${path}misfire.graceMs`, misfire.graceMs);
    if (max !== undefined && !(Number.isInteger(max) && max >= 1 && max <= MOST_CAUGHT_UP)) {
      throw new InvalidScheduleError(`${path}misfire.max`, max, `is not a whole number from 1 to ${MOST_CAUGHT_UP}`);
    }
  }
  if (lock !== undefined) {
    checkKeys(`${path}lock.`, lock, LOCK_OPTIONS, 'the lock of a schedule');
    checkMs(`${path}lock.ttlMs`, lock.ttlMs, 1);
    checkMs(`${path}lock.keepMs`, lock.keepMs, 1);
    checkChoice(`${path}lock.onCrash`, lock.onCrash, ON_CRASH);
  }
}

/** A `locks` that is misspelt, or is none, would run every instant in each process, or in none. @throws InvalidScheduleError (`ERR_CRON_SCHEDULE`) */
export function checkSchedulerOptions(options: SchedulerOptions): void {
  checkKeys('', options, SCHEDULER_OPTIONS, 'a scheduler');
  const { locks } = options;
  if (locks !== undefined && typeof (locks as Partial<SchedulerLocks> | null)?.runOnce !== 'function') {
    throw new InvalidScheduleError('locks', locks, 'is not what createLocks of @staddle/lock gives: it has no runOnce');
  }
}

/**
 * A misspelt `untilAt` would pause for ever, a misspelt `drainMs` wait for ever.
 * @param path before the name of a key, as `misfire.`
 * @throws InvalidScheduleError (`ERR_CRON_SCHEDULE`) for a key that does not exist, and for what is no object
 */
export function checkKeys(path: string, options: object, keys: readonly string[], what: string): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) throw new InvalidScheduleError(path.slice(0, -1) || 'options', options, 'is not an object');
  for (const [key, value] of Object.entries(options)) {
    if (!keys.includes(key)) throw new InvalidScheduleError(path + key, value, `is not an option of ${what}: ${keys.join(', ')}`);
  }
}

/** Settings for the schedules of one scheduler. @throws InvalidScheduleError (`ERR_CRON_SCHEDULE`) for its defaults */
export function createSettings(defaults: ScheduleOptions = {}): (options: ScheduleOptions | undefined) => ScheduleSettings {
  checkScheduleOptions(defaults, 'defaults.');
  const plain = settingsOf({}, defaults);
  let last = plain;
  let lastKey = '';
  return (options) => {
    if (options === undefined) return plain;
    checkScheduleOptions(options);
    const settings = settingsOf(options, defaults);
    // Schedules are often added by the thousand with the same options.
    const key = JSON.stringify(settings);
    if (key !== lastKey) [last, lastKey] = [settings, key];
    return last;
  };
}

function settingsOf(options: ScheduleOptions, defaults: ScheduleOptions): ScheduleSettings {
  const misfire = misfireOf(options.misfire, defaults.misfire, MISFIRE);
  const dateMisfire = misfireOf(options.misfire, defaults.misfire, DATE_MISFIRE);
  const ttlMs = options.lock?.ttlMs ?? defaults.lock?.ttlMs;
  return Object.freeze({
    overlap: options.overlap ?? defaults.overlap ?? 'skip',
    misfire,
    dateMisfire,
    timeoutMs: options.timeoutMs ?? defaults.timeoutMs ?? Infinity,
    paused: options.paused ?? defaults.paused ?? false,
    lock: Object.freeze({
      ttlMs,
      // A process that is as late as its policy lets it be, by another clock, must find that the instant has had its run.
      keepMs: options.lock?.keepMs ?? defaults.lock?.keepMs ?? Math.min(Math.max(KEEP_MS, 2 * misfire.windowMs, 2 * dateMisfire.windowMs, 2 * (ttlMs ?? 0)), LONGEST_MS),
      onCrash: options.lock?.onCrash ?? defaults.lock?.onCrash,
    }),
  });
}

function misfireOf(own: Partial<MisfirePolicy> = {}, defaults: Partial<MisfirePolicy> = {}, usual: MisfirePolicy): MisfirePolicy {
  const windowMs = own.windowMs ?? defaults.windowMs ?? usual.windowMs;
  return Object.freeze({
    mode: own.mode ?? defaults.mode ?? usual.mode,
    windowMs,
    max: own.max ?? defaults.max ?? usual.max,
    // What is too old to run is late as well.
    graceMs: Math.min(own.graceMs ?? defaults.graceMs ?? usual.graceMs, windowMs),
  });
}
