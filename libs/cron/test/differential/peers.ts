import { CronExpressionParser } from 'cron-parser';
import { Cron } from 'croner';

export const REFUSED = 'refused';
/** A time, nothing any more, or a refusal of the expression. */
export type Answer = number | undefined | typeof REFUSED;

/** Asked for the first time after an instant. */
export type Ask = (afterMs: number) => Answer;

export type Peer = 'croner' | 'cron-parser';

/** The peers with their defaults. Every question stands alone, as it does after a restart. */
export const PEERS: Readonly<Record<Peer, (expr: string, tz: string) => Ask>> = {
  croner(expr, timezone) {
    let cron: Cron;
    try {
      cron = new Cron(expr, { timezone, paused: true });
    } catch {
      return () => REFUSED;
    }
    return (afterMs) => cron.nextRun(new Date(afterMs))?.getTime();
  },

  'cron-parser'(expr, tz) {
    try {
      CronExpressionParser.parse(expr, { tz });
    } catch {
      return () => REFUSED;
    }
    return (afterMs) => {
      try {
        return CronExpressionParser.parse(expr, { tz, currentDate: new Date(afterMs) }).next().getTime();
      } catch {
        return undefined; // it gives up on what it does not find
      }
    };
  },
};
