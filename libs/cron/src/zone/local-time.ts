import { DAY_MS, dayOfDate, daysInMonth } from './civil-date.ts';

/** A date and time as written: `localMs` is what the clocks show, as epoch milliseconds if that were UTC. */
export interface DateTime {
  readonly localMs: number;
  /** The offset written behind it; undefined for a local time. */
  readonly offsetMs: number | undefined;
}

const ISO = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?(Z|[+-]\d\d:\d\d)?$/;

/** Reads `2026-12-01T09:00`, with optional seconds, milliseconds and `Z` or `+08:00`; undefined for anything else, an impossible date included. */
export function tryParseDateTime(text: string): DateTime | undefined {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((digits) => Number(digits ?? 0)) as [number, number, number, number, number, number];
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month) || hour > 23 || minute > 59 || second > 59) return undefined;
  const localMs = dayOfDate(year, month, day) * DAY_MS + (hour * 3_600 + minute * 60 + second) * 1_000 + Number((match[7] ?? '').padEnd(3, '0'));
  const offset = match[8];
  if (offset === undefined) return { localMs, offsetMs: undefined };
  if (offset === 'Z') return { localMs, offsetMs: 0 };
  const [hours, minutes] = [Number(offset.slice(1, 3)), Number(offset.slice(4))];
  if (hours > 23 || minutes > 59) return undefined;
  const offsetMs = (hours * 60 + minutes) * 60_000;
  return { localMs, offsetMs: offset.startsWith('-') ? -offsetMs : offsetMs };
}

/** `2026-12-01T09:00:00`, with milliseconds only when there are some. */
export function formatLocalTime(localMs: number): string {
  return new Date(localMs).toISOString().replace(/(?:\.000)?Z$/, '');
}
