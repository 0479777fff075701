import { formatDuration, type DurationInput } from '@staddle/kernel';
import { TriggerSyntaxError, TriggerUnresolvedError } from './errors.ts';
import { creationInstant, formatInstant, isInstant, LATEST_MS, startingPoint } from './instant.ts';
import { tryParseDateTime } from './local-time.ts';
import { readDuration } from './trigger-options.ts';
import type { IntervalTriggerJson, Trigger } from './trigger.ts';

export interface IntervalOptions {
  /** Elapsed time between two times, at least one second. A day is 24 hours, whatever the clocks do. */
  readonly every: DurationInput;
  /** The first time: epoch milliseconds or ISO 8601 with `Z` or offset. Default: the instant given to `resolve`. */
  readonly anchor?: number | string | undefined;
}

// Below a second the overhead of a durable run is larger than the interval.
const SHORTEST_MS = 1_000;

/**
 * At a fixed rate: the anchor, then every `every` after it, however long a run takes and however late it started.
 * Without an anchor the first time is one interval after creation.
 * @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`)
 */
export function interval({ every, anchor }: IntervalOptions): Trigger {
  const everyMs = readDuration('every', every, SHORTEST_MS);
  if (anchor !== undefined) return anchored(everyMs, readAnchor(anchor));
  const canonical = Object.freeze({ kind: 'interval' as const, every: formatDuration(everyMs) });
  return Object.freeze({
    kind: 'interval',
    next: () => {
      throw new TriggerUnresolvedError('interval');
    },
    resolve: (nowMs: number) => anchored(everyMs, creationInstant(nowMs)),
    toJSON: () => canonical,
  });
}

function anchored(everyMs: number, anchorMs: number): Trigger {
  const canonical = Object.freeze({ kind: 'interval', every: formatDuration(everyMs), anchor: formatInstant(anchorMs) } satisfies IntervalTriggerJson);
  const trigger: Trigger = Object.freeze({
    kind: 'interval',
    next: (afterMs: number) => {
      const elapsed = Math.floor((startingPoint(afterMs) - anchorMs) / everyMs) + 1;
      const at = anchorMs + Math.max(elapsed, 0) * everyMs;
      return at <= LATEST_MS ? at : undefined;
    },
    resolve: () => trigger,
    toJSON: () => canonical,
  });
  return trigger;
}

function readAnchor(anchor: number | string): number {
  const parsed = typeof anchor === 'string' ? tryParseDateTime(anchor) : { localMs: anchor, offsetMs: 0 };
  if (parsed?.offsetMs === undefined) throw new TriggerSyntaxError('anchor', anchor, 'is not an ISO 8601 instant with Z or offset such as 2026-01-01T00:00:00Z');
  const ms = parsed.localMs - parsed.offsetMs;
  if (!isInstant(ms)) throw new TriggerSyntaxError('anchor', anchor, 'is not an instant between 1970 and 9999');
  return ms;
}
