import { formatDuration, type DurationInput } from '@staddle/kernel';
import { TriggerSyntaxError } from '../errors.ts';
import type { DateTriggerJson, Trigger } from '../trigger.ts';
import { formatInstant, isInstant } from '../zone/instant.ts';
import { formatLocalTime, tryParseDateTime } from '../zone/local-time.ts';
import { createTrigger } from './create-trigger.ts';
import { checkOptions, epochMsOf, readDuration, readTimeZone, type InstantInput } from './trigger-options.ts';

export interface DateOptions {
  /** Epoch ms, a `Date`, ISO 8601 with `Z` or offset, or a local ISO 8601 time, which needs `tz`. */
  readonly at: InstantInput;
  /** IANA time zone of a local time. */
  readonly tz?: string | undefined;
  /** Which one of a local time that comes twice when clocks go back. Default 0, the first. */
  readonly fold?: 0 | 1 | undefined;
}

/**
 * Once, at an instant or at a local time. A local time that is skipped when clocks go forward means the instant of the
 * jump: the task runs late rather than never.
 * @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`)
 */
export function date(options: DateOptions): Trigger {
  checkOptions('date', options, ['at', 'tz', 'fold']);
  const { at, tz, fold } = options;
  if (typeof at === 'number' || at instanceof Date) {
    refuseLocalOptions(tz, fold, 'is a number or Date');
    return once(at, epochMsOf(at));
  }
  const parsed = typeof at === 'string' ? tryParseDateTime(at) : undefined;
  if (parsed === undefined) throw new TriggerSyntaxError('at', at, 'is not an ISO 8601 date and time such as 2026-12-01T09:00:00 or 2026-12-01T01:00:00Z');
  const { localMs, offsetMs } = parsed;
  if (offsetMs !== undefined) {
    refuseLocalOptions(tz, fold, 'has an offset');
    return once(at, localMs - offsetMs);
  }

  if (fold !== undefined && fold !== 0 && fold !== 1) throw new TriggerSyntaxError('fold', fold, 'is neither 0 nor 1');
  if (tz === undefined) throw new TriggerSyntaxError('tz', tz, 'is missing: a local time needs its IANA time zone');
  const zone = readTimeZone(tz);
  const ms = zone.instantOf(localMs, fold);
  return once(at, ms, { v: 1, kind: 'date', at: formatLocalTime(localMs), tz, ...(fold === 1 ? { fold } : {}) });
}

function refuseLocalOptions(tz: unknown, fold: unknown, why: string): void {
  if (tz !== undefined) throw new TriggerSyntaxError('tz', tz, `has no meaning: at ${why}`);
  if (fold !== undefined) throw new TriggerSyntaxError('fold', fold, `has no meaning: at ${why}`);
}

function once(at: InstantInput, ms: number, json?: DateTriggerJson): Trigger {
  if (!isInstant(ms)) throw new TriggerSyntaxError('at', at, 'is not an instant between 1970 and 9999');
  return createTrigger({
    json: json ?? { v: 1, kind: 'date', at: formatInstant(ms) },
    timeline: { next: (afterMs) => (ms > afterMs ? ms : undefined), prev: (beforeMs) => (ms < beforeMs ? ms : undefined) },
  });
}

export interface AfterOptions {
  /** From the creation on: ms, `'30m'` or ISO 8601, up to 36500 days. */
  readonly delay: DurationInput;
}

/**
 * Once, a while after creation: `resolve(nowMs)` makes it a date. A delay of zero means the next millisecond, because
 * `next` looks strictly ahead.
 * @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`)
 */
export function after(options: AfterOptions): Trigger {
  checkOptions('after', options, ['delay']);
  const delayMs = readDuration('delay', options.delay, 0);
  return createTrigger({
    json: { v: 1, kind: 'after', delay: formatDuration(delayMs) },
    timeline: undefined,
    resolve: (nowMs) => date({ at: nowMs + Math.max(delayMs, 1) }),
  });
}
