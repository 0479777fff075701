import { nextCronTime } from './cron-evaluator.ts';
import { parseCronExpression } from './cron-expression.ts';
import { startingPoint } from './instant.ts';
import { readTimeZone } from './trigger-options.ts';
import type { CronTriggerJson, Trigger } from './trigger.ts';

export interface CronOptions {
  /** IANA time zone whose clocks the expression reads, or UTC. There is no default: "at nine" needs a where. */
  readonly tz: string;
}

/**
 * At the times of a cron expression of five fields, or six with seconds in front. Grammar: cron-expression.ts;
 * behaviour where clocks change: cron-evaluator.ts.
 * @throws CronSyntaxError (`ERR_CRON_SYNTAX`) for the expression
 * @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`) for the zone
 */
export function cron(expr: string, { tz }: CronOptions): Trigger {
  const expression = parseCronExpression(expr);
  const zone = readTimeZone(tz);
  const canonical = Object.freeze({ kind: 'cron', expr: expression.text, tz } satisfies CronTriggerJson);
  const trigger: Trigger = Object.freeze({
    kind: 'cron',
    next: (afterMs: number) => nextCronTime(expression, zone, startingPoint(afterMs)),
    resolve: () => trigger,
    toJSON: () => canonical,
  });
  return trigger;
}
