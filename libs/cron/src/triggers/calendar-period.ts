import { TriggerSyntaxError } from '../errors.ts';

/** A step of the calendar. */
export interface Period {
  readonly months: number;
  readonly days: number;
}

const PERIOD = /^P(?!$)(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?$/;
const MOST_MONTHS = 1_200;
const MOST_DAYS = 36_500;

/** @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`) */
export function readPeriod(every: string): Period {
  const match = typeof every === 'string' ? PERIOD.exec(every) : null;
  if (match === null) throw new TriggerSyntaxError('every', every, 'is not whole years, months, weeks or days in ISO 8601, such as P1M, P1Y6M, P2W or P10D');
  const [years, months, weeks, days] = match.slice(1).map((digits) => Number(digits ?? 0)) as [number, number, number, number];
  const period = { months: years * 12 + months, days: weeks * 7 + days };
  if (period.months === 0 && period.days === 0) throw new TriggerSyntaxError('every', every, 'is shorter than a day');
  if (period.months > MOST_MONTHS || period.days > MOST_DAYS) throw new TriggerSyntaxError('every', every, `is longer than ${MOST_MONTHS} months or ${MOST_DAYS} days`);
  return period;
}

/** The canonical form. */
export function formatPeriod({ months, days }: Period): string {
  if (months === 0 && days % 7 === 0) return `P${days / 7}W`;
  const years = Math.floor(months / 12);
  return `P${years ? `${years}Y` : ''}${months % 12 ? `${months % 12}M` : ''}${days ? `${days}D` : ''}`;
}
