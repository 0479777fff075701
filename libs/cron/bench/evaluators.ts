import { cron } from '@staddle/cron';
import { importPeer } from '@staddle/testing';

/** A library that can say when an expression comes next. */
export interface Evaluator {
  /** Reads an expression; the result answers any number of questions. */
  parse(expr: string, tz: string): Asked;
}

/** The next time after an instant, in epoch ms. */
export type Asked = (after: number) => number;

/** `cron` cannot be asked from any instant but by way of a luxon DateTime of its own. */
interface CronTimeClass {
  new (expr: string, tz: string): { getNextDateFrom(start: Date, tz: string): { toMillis(): number } };
}

export async function loadEvaluators(): Promise<{ readonly ours: Evaluator; readonly peers: Readonly<Record<string, Evaluator>> }> {
  const { Cron } = await importPeer<{ Cron: new (expr: string, options: { timezone: string }) => { nextRun(after: Date): Date | null } }>('croner');
  const { CronExpressionParser } = await importPeer<{
    CronExpressionParser: { parse(expr: string, options: { tz: string; currentDate: Date }): { reset(after: Date): void; next(): { getTime(): number } } };
  }>('cron-parser');
  const { CronTime } = await importPeer<{ CronTime: CronTimeClass }>('cron');
  const anyDate = new Date(0);
  return {
    ours: {
      parse(expr, tz) {
        const trigger = cron(expr, { tz });
        return (after) => trigger.next(after)!;
      },
    },
    peers: {
      croner: {
        parse(expr, tz) {
          const job = new Cron(expr, { timezone: tz });
          return (after) => job.nextRun(new Date(after))!.getTime();
        },
      },
      'cron-parser': {
        parse(expr, tz) {
          const interval = CronExpressionParser.parse(expr, { tz, currentDate: anyDate });
          return (after) => {
            interval.reset(new Date(after));
            return interval.next().getTime();
          };
        },
      },
      cron: {
        parse(expr, tz) {
          const time = new CronTime(expr, tz);
          return (after) => time.getNextDateFrom(new Date(after), tz).toMillis();
        },
      },
    },
  };
}
