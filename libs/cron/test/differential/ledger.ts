import { DAY, HOUR } from '../oracle/clocks.ts';
import { timesFrom } from '../oracle/day-oracle.ts';
import { DEFAULT_POLICY, type Policy } from '../oracle/minute-oracle.ts';
import { readExpression, type Dialect } from '../oracle/reading.ts';
import { changesNear, type Difference } from './cases.ts';
import { REFUSED, type Peer } from './peers.ts';

/*
 * Every way in which croner 11.0.1 and cron-parser 5.10.5, with their defaults, answer differently from us, and why we stay as
 * we are. Either a class alters one rule of the oracle (`differently`), and explains what the altered oracle answers just as
 * the peer does, alone or with others of its peer; or it names what it explains (`explains`).
 */
export interface LedgerClass {
  readonly name: string;
  readonly peers: readonly Peer[];
  readonly theirs: string;
  readonly why: string;
  /** One case in full, which the test asks for. Answers are ISO 8601, `none` or `refused`. */
  readonly example: { readonly expr: string; readonly tz: string; readonly after: string; readonly ours: string; readonly theirs: string };
  /** How many differences it explains, some of them together with another class. */
  readonly cases: number;
  readonly differently?: (rules: Rules, difference: Difference) => Rules;
  readonly explains?: (difference: Difference) => boolean;
}

export interface Rules {
  readonly dialect: Dialect;
  readonly policy: Policy;
}

const theyRefuse = (difference: Difference, grammar: RegExp): boolean => difference.theirs === REFUSED && difference.ours !== REFUSED && grammar.test(difference.expr);

export const LEDGER: readonly LedgerClass[] = [
  {
    name: 'a stepped star restricts the day',
    peers: ['croner', 'cron-parser'],
    theirs: 'With both day fields other than a bare star, either is enough, so that */2 with MON is most days.',
    why: 'Vixie cron, from which the rule comes, looks at the first character: a field that begins with a star does not restrict. Then */2 and MON mean Mondays with an odd date, which is what one would write it for. The linter warns of it.',
    example: { expr: '30 2 */2 * MON', tz: 'UTC', after: '2025-02-22T03:00:00.000Z', ours: '2025-03-03T02:30:00.000Z', theirs: '2025-02-23T02:30:00.000Z' },
    cases: 1048,
    differently: (rules) => ({ ...rules, dialect: { ...rules.dialect, steppedStarRestricts: true } }),
  },
  {
    name: 'a list of times follows the clock',
    peers: ['croner'],
    theirs: 'Only a single second, minute and hour make a fixed time: a list or a range is lost in the gap and fires in both passes of the overlap.',
    why: 'Debian cron and its kin correct every expression without a wildcard in minute and hour. "At one and at two" are two times of a day, not an interval: neither may be lost or doubled. croner has our rule as an option: fixedTimeRule "no-wildcard".',
    example: { expr: '0 1,2 * * *', tz: 'America/New_York', after: '2025-11-02T05:59:00.000Z', ours: '2025-11-02T07:00:00.000Z', theirs: '2025-11-02T06:00:00.000Z' },
    cases: 325,
    differently: (rules) => ({ ...rules, dialect: { ...rules.dialect, fixed: (fields) => fields.slice(0, 3).every((field) => /^\d+$/.test(field)) } }),
  },
  {
    name: 'a skipped time fires an hour late',
    peers: ['cron-parser'],
    theirs: 'A fixed time inside the gap fires as much later as the gap is long.',
    why: 'What was due is due when the gap ends, once, and in order with what comes after; half an hour later it can fall together with another run or overtake it. Whoever wants it asks for it: gap "shift".',
    example: { expr: '30 2 * * *', tz: 'America/New_York', after: '2025-03-09T06:59:00.000Z', ours: '2025-03-09T07:00:00.000Z', theirs: '2025-03-09T07:30:00.000Z' },
    cases: 230,
    differently: (rules) => ({ ...rules, policy: { ...rules.policy, gap: 'shift' } }),
  },
  {
    name: 'an interval within named hours does not follow the clock',
    peers: ['cron-parser'],
    theirs: 'Unless the hour is a bare star, an interval such as */20 1 or 0 */2 falls silent for the second pass of the overlap and fires extra when the gap ends.',
    why: 'A heartbeat must not pause for an hour, and has nothing to catch up on.',
    example: { expr: '*/20 1 * * *', tz: 'America/New_York', after: '2025-11-02T05:59:00.000Z', ours: '2025-11-02T06:00:00.000Z', theirs: '2025-11-03T06:00:00.000Z' },
    cases: 262,
    differently: (rules) => ({ ...rules, dialect: { ...rules.dialect, fixed: (fields) => fields[2] !== '*' } }),
  },
  {
    name: 'a restart in the repeated hour fires again',
    peers: ['cron-parser'],
    theirs: 'Asked from inside the second pass, it takes the repeated time once more.',
    why: 'Times are a set of instants and do not depend on where one starts. A process that restarts in that hour would run the job a second time.',
    example: { expr: '30 1 * * *', tz: 'Europe/London', after: '2025-10-26T01:29:00.000Z', ours: '2025-10-27T01:30:00.000Z', theirs: '2025-10-26T01:30:00.000Z' },
    cases: 128,
    differently: (rules, difference) => (isRepeating(difference) ? { ...rules, policy: { ...rules.policy, overlap: 'both' } } : rules),
  },
  {
    name: 'an hour repeated from midnight on is taken the second time',
    peers: ['cron-parser'],
    theirs: 'Where clocks go back to midnight, it takes the second pass, elsewhere the first.',
    why: 'Which pass counts is a choice that holds everywhere: the first, unless overlap says "second".',
    example: { expr: '30 0 * * *', tz: 'America/Havana', after: '2025-11-02T03:59:00.000Z', ours: '2025-11-02T04:30:00.000Z', theirs: '2025-11-02T05:30:00.000Z' },
    cases: 142,
    differently: (rules, difference) => (changesNear(difference, 0, DAY).some(({ at, after }) => (at + after) % DAY === 0) ? { ...rules, policy: { ...rules.policy, overlap: 'second' } } : rules),
  },
  {
    name: 'clocks that change by other than an hour, or off the hour',
    peers: ['cron-parser'],
    theirs: 'It steps over such changes by the hour: it is early, late, skips a day, answers with the past or gives up.',
    why: 'Gaps and overlaps are treated alike for every change of up to three hours: half an hour on Lord Howe Island, two at Troll, three at Casey, on three quarters in Chatham. A fault.',
    example: { expr: '30 2 * * *', tz: 'Australia/Lord_Howe', after: '2025-10-04T15:29:00.000Z', ours: '2025-10-04T15:30:00.000Z', theirs: '2025-10-04T16:30:00.000Z' },
    cases: 179,
    explains: (difference) => changesNear(difference, 3 * HOUR, DAY).some(({ at, before, after }) => Math.abs(after - before) !== HOUR || (at + before) % HOUR !== 0),
  },
  {
    name: 'days that never come',
    peers: ['croner'],
    theirs: 'February 30 is accepted, and is never.',
    why: 'A schedule that never runs is a mistake: it is refused with the reason where it is written.',
    example: { expr: '0 0 30 2 *', tz: 'UTC', after: '2025-02-22T03:00:00.000Z', ours: 'refused', theirs: 'none' },
    cases: 84,
    explains: ({ ours, theirs, expr }) => ours === REFUSED && theirs === undefined && /^0 0 (?:30 2|31 [246,]+|0 29 2) /.test(expr),
  },
  {
    name: 'grammar that croner does not have',
    peers: ['croner'],
    theirs: 'Open steps (5/15), ranges over the end of a field (22-2) and days before the last (L-3) are refused.',
    why: 'Each has one sensible meaning and is in use: open steps and L-3 in Quartz, from which schedules are imported. The linter warns of open steps.',
    example: { expr: '0 22-2 * * *', tz: 'UTC', after: '2025-02-22T03:00:00.000Z', ours: '2025-02-22T22:00:00.000Z', theirs: 'refused' },
    cases: 294,
    explains: (difference) => theyRefuse(difference, /(?:^|[ ,])\d+\/|L-|22-[24]|6-1|FRI-MON|NOV-FEB|28-3/),
  },
  {
    name: 'grammar that cron-parser does not have',
    peers: ['cron-parser'],
    theirs: 'Working days (15W, LW), L-3, lists of # and L weekdays, years, +, @midnight and ranges over the end of a field are refused.',
    why: 'Quartz and croner have them, apart from the ranges, and schedules that use them must be able to move here.',
    example: { expr: '0 0 LW * *', tz: 'UTC', after: '2025-02-22T03:00:00.000Z', ours: '2025-02-28T00:00:00.000Z', theirs: 'refused' },
    cases: 546,
    explains: (difference) => theyRefuse(difference, /\dW|LW|L-|#.*,|,.*#|#L|\+|^@midnight$|22-[24]|6-1|FRI-MON|NOV-FEB|28-3/) || theyRefuse(difference, /^(?:\S+ ){6}\S+$/),
  },
  {
    name: 'mistakes that are taken for something else',
    peers: ['cron-parser', 'croner'],
    theirs: 'cron-parser fills up missing fields, so that empty text is every minute, and takes */90 for hourly; both take ? for a star in minute and hour.',
    why: 'An empty setting must not run a job every minute, and minutes cannot step by ninety. Quartz, where ? comes from, has it in the day fields only.',
    example: { expr: '', tz: 'UTC', after: '2025-02-22T03:00:00.000Z', ours: 'refused', theirs: '2025-02-22T03:01:00.000Z' },
    cases: 126,
    explains: ({ ours, theirs, expr }) => ours === REFUSED && typeof theirs === 'number' && ['', '* * *', '* * * *', '*/90 * * * *', '? ? * * *'].includes(expr),
  },
];

/** Whether the start lies in the second pass of repeated local times. */
function isRepeating(difference: Difference): boolean {
  return changesNear(difference, 3 * HOUR, 0).some(({ at, before, after }) => before > after && difference.after < at + before - after);
}

export const OUR_RULES: Rules = { dialect: {}, policy: DEFAULT_POLICY };

/** What the oracle answers under these rules, up to twenty years ahead. */
export function answerUnder({ dialect, policy }: Rules, { expr, zone, after: start }: Difference): number | undefined {
  return timesFrom({ reading: readExpression(expr, dialect), history: zone.history, policy, start, count: 1, horizon: 7_300 * DAY }, 1)[0];
}

/** The smallest set of classes that explains a difference, of three at most; undefined when there is none. */
export function classify(difference: Difference): readonly LedgerClass[] | undefined {
  const classes = LEDGER.filter(({ peers }) => peers.includes(difference.peer));
  const named = classes.find(({ explains }) => explains?.(difference));
  if (typeof difference.ours !== 'number' || typeof difference.theirs !== 'number') return named && [named];
  const altering = classes.filter(({ differently }) => differently !== undefined);
  for (const set of subsets(altering)) {
    const rules = set.reduce((altered, { differently }) => differently!(altered, difference), OUR_RULES);
    if (answerUnder(rules, difference) === difference.theirs) return set;
  }
  return named && [named];
}

/** The non-empty subsets, smallest first. */
function subsets<T>(items: readonly T[]): T[][] {
  const all = Array.from({ length: 2 ** items.length - 1 }, (_, bits) => items.filter((_item, index) => ((bits + 1) >> index) & 1));
  return all.filter(({ length }) => length <= 3).toSorted((a, b) => a.length - b.length);
}
