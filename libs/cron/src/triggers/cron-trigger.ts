import { createCronTimeline } from '../expression/cron-evaluator.ts';
import { parseCronExpression } from '../expression/cron-expression.ts';
import type { DstPolicy, Trigger } from '../trigger.ts';
import { createTrigger } from './create-trigger.ts';
import { readLimits, type LimitOptions } from './limits.ts';
import { checkOptions, dstJson, LIMIT_OPTIONS, readDstPolicy, readTimeZone } from './trigger-options.ts';

export interface CronOptions extends LimitOptions {
  /** IANA time zone whose clocks the expression reads, or UTC. There is no default: "at nine" needs a where. */
  readonly tz: string;
  /** What becomes of fixed times where clocks change. Default: skipped ones fire when the gap ends, repeated ones the first time. */
  readonly dst?: Partial<DstPolicy> | undefined;
}

const OPTIONS = ['tz', 'dst', ...LIMIT_OPTIONS];

/**
 * At the times of a cron expression: minute, hour, day of month, month and day of week, with the second in front of them or not, and
 * then the year behind them or not. Lists, ranges (`22-2` wraps around), steps, names, `?`, `L`, `W`, `#`, `H`, `+`, `@daily` and its like:
 * README, "Cron expressions"; the grammar is in expression/cron-expression.ts, clock changes are in expression/cron-evaluator.ts.
 * @throws CronSyntaxError (`ERR_CRON_SYNTAX`) for the expression
 * @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`) for the zone and the other options, and when no time is left within the limits
 */
export function cron(expr: string, options: CronOptions): Trigger {
  // Whoever comes from other libraries gives no options at first, and is to be told what is missing.
  if (options === undefined) readTimeZone(options);
  checkOptions('cron', options, OPTIONS);
  const zone = readTimeZone(options.tz);
  const policy = readDstPolicy(options.dst);
  // A seed that is no text is refused with the other limits.
  const expression = parseCronExpression(expr, typeof options.seed === 'string' ? options.seed : undefined);
  const limits = readLimits(options, { zone, hashed: expression.hashed });
  return createTrigger({
    json: { v: 1, kind: 'cron', expr: expression.text, tz: options.tz, ...dstJson(policy), ...limits.json },
    timeline: limits.resolved ? limits.limit(createCronTimeline(expression, zone, policy)) : undefined,
    jitterMs: limits.jitterMs,
    resolve: (nowMs, seed) => cron(expr, { tz: options.tz, dst: policy, ...limits.resolve(nowMs, seed) }),
  });
}
