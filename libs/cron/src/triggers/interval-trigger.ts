import { formatDuration, type DurationInput } from '@staddle/kernel';
import { TriggerSyntaxError } from '../errors.ts';
import type { Timeline } from '../timeline.ts';
import type { Trigger } from '../trigger.ts';
import { LATEST_MS } from '../zone/instant.ts';
import { createTrigger } from './create-trigger.ts';
import { readLimits, type LimitOptions } from './limits.ts';
import { checkOptions, LIMIT_OPTIONS, readDuration, readMoment, type InstantInput } from './trigger-options.ts';

export interface IntervalOptions extends LimitOptions {
  /** Elapsed time between two times, 1 ms to 36500 days. A day is 24 hours, whatever the clocks do. */
  readonly every: DurationInput;
  /**
   * The first time: epoch ms, a `Date`, or ISO 8601 with `Z` or offset. Default: `startAt`, else the creation, so that the first
   * one after it comes an interval later.
   */
  readonly anchor?: InstantInput | undefined;
  /**
   * `rate` (default): the anchor and every `every` after it, however long a run takes and however late it started. `delay`:
   * that long after the end of a run; the times are a plan in which runs take no time. Not with `maxRuns` or `exclude`.
   */
  readonly mode?: 'rate' | 'delay' | undefined;
}

const OPTIONS = ['every', 'anchor', 'mode', ...LIMIT_OPTIONS];

/**
 * At intervals of elapsed time.
 * @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`) also when no time is left within the limits
 */
export function interval(options: IntervalOptions): Trigger {
  checkOptions('interval', options, OPTIONS);
  const everyMs = readDuration('every', options.every, 1);
  const { mode = 'rate' } = options;
  if (mode !== 'rate' && mode !== 'delay') throw new TriggerSyntaxError('mode', mode, "is neither 'rate' nor 'delay'");
  const limits = readLimits(options);
  const anchor = readMoment('anchor', options.anchor) ?? limits.start;
  if (mode === 'delay') {
    for (const key of ['maxRuns', 'exclude'] as const) {
      if (limits.json[key] !== undefined) throw new TriggerSyntaxError(key, undefined, "has no meaning with mode 'delay': the times depend on how long runs take");
    }
  }
  return createTrigger({
    json: {
      v: 1,
      kind: 'interval',
      every: formatDuration(everyMs),
      ...(anchor && { anchor: anchor.text }),
      ...(mode === 'delay' && { mode }),
      ...limits.json,
    },
    timeline: anchor && limits.resolved ? limits.limit(intervalTimeline(everyMs, anchor.ms)) : undefined,
    jitterMs: limits.jitterMs,
    fixedDelayMs: mode === 'delay' ? everyMs : undefined,
    resolve: (nowMs, seed) => interval({ every: everyMs, anchor: anchor?.text ?? nowMs, mode, ...limits.resolve(nowMs, seed) }),
  });
}

function intervalTimeline(everyMs: number, anchorMs: number): Timeline {
  return {
    next(afterMs) {
      const elapsed = Math.floor((afterMs - anchorMs) / everyMs) + 1;
      const at = anchorMs + Math.max(elapsed, 0) * everyMs;
      return at <= LATEST_MS ? at : undefined;
    },
    prev(beforeMs) {
      const elapsed = Math.ceil((beforeMs - anchorMs) / everyMs) - 1;
      return elapsed < 0 ? undefined : anchorMs + elapsed * everyMs;
    },
  };
}
