import { formatDuration, type DurationInput } from '@staddle/kernel';
import { TriggerSyntaxError, TriggerUnresolvedError } from './errors.ts';
import { creationInstant, formatInstant, isInstant, startingPoint } from './instant.ts';
import { formatLocalTime, tryParseDateTime } from './local-time.ts';
import { readDuration, readTimeZone } from './trigger-options.ts';
import type { DateTriggerJson, Trigger } from './trigger.ts';

export interface DateOptions {
  /** Epoch milliseconds, ISO 8601 with `Z` or offset, or a local ISO 8601 time, which needs `tz`. */
  readonly at: number | string;
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
export function date({ at, tz, fold }: DateOptions): Trigger {
  if (typeof at === 'number') {
    refuseLocalOptions(tz, fold, 'is a number');
    return once(at, at);
  }
  const parsed = tryParseDateTime(at);
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
  return once(at, ms, { kind: 'date', at: formatLocalTime(localMs), tz, ...(fold === 1 ? { fold } : {}) });
}

function refuseLocalOptions(tz: unknown, fold: unknown, why: string): void {
  if (tz !== undefined) throw new TriggerSyntaxError('tz', tz, `has no meaning: at ${why}`);
  if (fold !== undefined) throw new TriggerSyntaxError('fold', fold, `has no meaning: at ${why}`);
}

function once(at: number | string, ms: number, json?: DateTriggerJson): Trigger {
  if (!isInstant(ms)) throw new TriggerSyntaxError('at', at, 'is not an instant between 1970 and 9999');
  const canonical = Object.freeze(json ?? { kind: 'date', at: formatInstant(ms) } satisfies DateTriggerJson);
  const trigger: Trigger = Object.freeze({
    kind: 'date',
    next: (afterMs: number) => (ms > startingPoint(afterMs) ? ms : undefined),
    resolve: () => trigger,
    toJSON: () => canonical,
  });
  return trigger;
}

export interface AfterOptions {
  readonly delay: DurationInput;
}

/**
 * Once, a while after creation: `resolve(nowMs)` makes it a date. A delay of zero means the next millisecond, because
 * `next` looks strictly ahead.
 * @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`)
 */
export function after({ delay }: AfterOptions): Trigger {
  const delayMs = readDuration('delay', delay, 0);
  const canonical = Object.freeze({ kind: 'after' as const, delay: formatDuration(delayMs) });
  return Object.freeze({
    kind: 'after',
    next: () => {
      throw new TriggerUnresolvedError('after');
    },
    resolve: (nowMs: number) => date({ at: creationInstant(nowMs) + Math.max(delayMs, 1) }),
    toJSON: () => canonical,
  });
}
