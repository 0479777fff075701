/*
 * What the benchmarks of next times and of parsing run on: 200 expressions and 20 zones, fixed, in every round and for every
 * contestant the same. Ordinary ones are what crontabs are full of; sparse ones make a search look far.
 */

const MINUTES = ['*', '*/5', '*/10', '*/15', '*/30', '0', '7', '30', '45', '0,30', '5,25,45', '10-20', '0-30/10'] as const;
const HOURS = ['*', '*/2', '*/6', '0', '2', '9', '17', '9-17', '8,12,18', '22,23'] as const;
const DAYS = ['* * *', '* * 1-5', '* * 0', '1 * *', '15 * *', '* * 1,3,5', '1,15 * *', '* 1,4,7,10 *', '* 6-8 1-5', '10-20 * *'] as const;

/** Every peer reads all of them, and alike but for the nights when clocks change. */
export const ORDINARY: readonly string[] = Array.from({ length: 170 }, (_, at) => {
  const minute = MINUTES[at % MINUTES.length]!;
  const hour = HOURS[(at * 7 + Math.floor(at / 13)) % HOURS.length]!;
  const days = at % 3 === 0 ? DAYS[0] : DAYS[(at * 3 + Math.floor(at / 7)) % DAYS.length]!;
  return `${minute} ${hour} ${days}`;
});

/** Plain fields that seldom meet: every peer reads them. */
export const SPARSE: readonly string[] = [
  '0 0 29 2 *', '30 4 29 2 *', '15 12 29 2 *', '0 6 29 2 *', '59 23 29 2 *',
  '0 0 31 3,5,7 *', '0 9 31 12 *', '0 0 30 4 *', '45 5 1 1 *', '0 0 31 8,10 *',
];

/** With L and #, which croner and cron-parser read, and `cron` does not. */
export const SPARSE_DAYS: readonly string[] = [
  '0 0 L * *', '0 9 L * *', '30 17 L 1,4,7,10 *', '0 0 L 2 *', '15 3 L 6,12 *',
  '0 0 * * 1#5', '0 9 * * 5#5', '30 8 * * 3#5', '0 0 * 2 1#5', '0 12 * * 0#5',
  '0 0 * * 1L', '0 9 * * 5L', '0 0 * 12 5L', '30 18 * 3,6,9,12 5L', '0 7 * 2 1L',
  '0 0 * 1 1#1', '0 9 * 7 4#2', '0 9 * 11 4#4', '0 2 * 3 0#2', '0 2 * 11 0#1',
];

export const ZONES: readonly string[] = [
  'UTC', 'America/New_York', 'America/Los_Angeles', 'America/Chicago', 'America/Sao_Paulo', 'America/Havana', 'Europe/London',
  'Europe/Paris', 'Europe/Kyiv', 'Africa/Cairo', 'Africa/Casablanca', 'Africa/Lagos', 'Asia/Shanghai', 'Asia/Tokyo', 'Asia/Kolkata',
  'Asia/Kathmandu', 'Asia/Tehran', 'Australia/Sydney', 'Australia/Lord_Howe', 'Pacific/Auckland',
];

export interface Question {
  readonly expr: string;
  readonly tz: string;
  /** Epoch ms, at a whole second of 2026. */
  readonly after: number;
}

const FROM = Date.UTC(2026, 0, 1);
const SECONDS_OF_YEAR = 365 * 86_400;

/** Each expression in each zone, once, in an order that mixes them, from instants all over the year. */
export function questionsOf(expressions: readonly string[]): Question[] {
  const pairs = expressions.flatMap((expr) => ZONES.map((tz) => ({ expr, tz })));
  const random = randomNumbers();
  const questions = pairs.map((pair) => ({ ...pair, after: FROM + Math.floor(random() * SECONDS_OF_YEAR) * 1_000, place: random() }));
  return questions.toSorted((a, b) => a.place - b.place);
}

/** Mulberry32 (Tommy Ettinger, public domain): repeatable. */
function randomNumbers(): () => number {
  let state = 0x5eed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
