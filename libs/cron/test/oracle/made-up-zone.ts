import { createCronTimeline } from '../../src/expression/cron-evaluator.ts';
import { parseCronExpression } from '../../src/expression/cron-expression.ts';
import { createTimeZone } from '../../src/zone/time-zone.ts';
import type { Times } from './compare.ts';
import type { Policy } from './minute-oracle.ts';

/** The times of an expression in a zone that is in no tzdata. */
export function timesInZone(expr: string, offsetAt: (at: number) => number, policy: Policy): Times {
  const timeline = createCronTimeline(parseCronExpression(expr), createTimeZone(offsetAt), policy);
  const next = (after: number): number | undefined => timeline.next(after);
  return {
    next,
    prev: (before) => timeline.prev(before),
    between(from, to, limit) {
      const times: number[] = [];
      for (let at = next(from - 1); at !== undefined && at < to && times.length < limit; at = next(at)) times.push(at);
      return times;
    },
  };
}
