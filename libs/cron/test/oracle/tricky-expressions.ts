import { HOUR, MINUTE, type Change } from './clocks.ts';

const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

/** Expressions that mean the local times at, in and beside those that a change skips or repeats, on its day and on every day. */
export function trickyExpressions({ at, before, after }: Change): { fixed: string[]; following: string[]; restarts: string[] } {
  const [first, last] = [at + Math.min(before, after), at + Math.max(before, after)];
  const half = first + Math.floor((last - first) / 2 / MINUTE) * MINUTE;
  const minute = (local: number): number => new Date(local).getUTCMinutes();
  const hour = (local: number): number => new Date(local).getUTCHours();
  const clock = (local: number): string => `${minute(local)} ${hour(local)}`;
  const day = new Date(first);
  const [date, month, year, weekday] = [day.getUTCDate(), day.getUTCMonth() + 1, day.getUTCFullYear(), WEEKDAYS[day.getUTCDay()]!];
  const tomorrow = WEEKDAYS[(day.getUTCDay() + 1) % 7]!;

  const daily = `${clock(half)} * * *`;
  const list = `0,${minute(half)},59 ${hour(first - HOUR)}-${hour(last)} * * *`;
  const inside = `*/20 ${hour(half)} * * *`;
  return {
    fixed: [
      daily,
      list,
      `${clock(first - MINUTE)} * * *`,
      `${clock(first)} * * *`,
      `${clock(last - MINUTE)} * * *`,
      `${clock(last)} * * *`,
      `${clock(last + MINUTE)} * * *`,
      '0-59/20 22-4 * * *',
      `15,45 ${clock(half)} * * *`,
      `*/30 ${clock(last)} ? * *`,
      `${clock(half)} ${date} * ?`,
      `${clock(half)} ${date}W * *`,
      `${clock(half)} L,L-${Math.min(date, 30)},LW ${month} *`,
      `${clock(half)} ? * ${weekday}`,
      `${clock(half)} ? * ${weekday}#${Math.ceil(date / 7)}`,
      `${clock(half)} * * ${tomorrow}-${weekday}/6,${weekday}L`,
      `${clock(first)} ${date} * ${tomorrow}`,
      `${clock(half)} ${date}-31 * +${weekday}`,
      `0 ${clock(half)} ${date} ${month} ? ${year}`,
    ],
    following: ['*/30 * * * *', '0 */2 * * *', inside, `${minute(half)} * * * *`, `${minute(half)}/${Math.min(10, 60 - minute(half))} ${hour(half)} ? * ${weekday}`, `${minute(half)} ${hour(half)}/${Math.min(5, 24 - hour(half))} * * *`],
    restarts: [daily, list, inside],
  };
}
