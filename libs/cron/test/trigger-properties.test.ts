import { holidayCalendar, parseTrigger, type Trigger, type TriggerJson } from '@staddle/cron';
import { StaddleError } from '@staddle/kernel';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const FROM = Date.parse('2025-01-01T00:00Z');
const DAY = 86_400_000;
const ZONES = ['UTC', 'Europe/Paris', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Shanghai', 'Africa/Casablanca'];
const CALENDARS = [
  holidayCalendar({ name: 'weekends', weekend: ['SAT', 'SUN'], workdays: ['2025-01-26'], tz: 'Asia/Shanghai' }),
  holidayCalendar({ name: 'spring', days: ['2025-03-08/2025-03-10', '2025-03-30'], tz: 'Europe/Paris' }),
];

/*
 * Times on a grid of half hours, so that triggers of different kinds meet.
 */
const halfHour = fc.integer({ min: 0, max: 365 * 48 }).map((halves) => FROM + halves * 1_800_000);
const instant = halfHour.map((ms) => new Date(ms).toISOString());
const local = instant.map((text) => text.slice(0, 19));
const zone = fc.constantFrom(...ZONES);
const dst = fc.record({ gap: fc.constantFrom('fire_at_end', 'shift', 'skip'), overlap: fc.constantFrom('first', 'second', 'both') }, { requiredKeys: [] });
const duration = fc.constantFrom('PT30M', 'PT1H', 'PT7H30M', 'P1D', 'P3DT1H');
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined, freq: 3 });

const { trigger: anyTrigger } = fc.letrec<{ trigger: object; member: object; limits: object }>((tie) => ({
  limits: fc.record({
    startAt: optional(instant),
    endAt: optional(instant),
    maxRuns: optional(fc.integer({ min: 1, max: 40 })),
    exclude: optional(fc.array(fc.oneof(fc.constantFrom(...CALENDARS.map(({ name }) => name)), tie('member')), { maxLength: 2 })),
  }),
  member: fc.oneof(
    { depthSize: 'small', maxDepth: 2, withCrossShrink: true },
    fc.record({ kind: fc.constant('date'), at: instant }),
    fc.record({ kind: fc.constant('date'), at: local, tz: zone, fold: optional(fc.constantFrom(0, 1)) }),
    fc.record({ kind: fc.constant('after'), delay: duration }),
    fc.record({ kind: fc.constant('interval'), every: duration, anchor: optional(instant) }),
    fc.record({ kind: fc.constant('cron'), expr: fc.constantFrom('*/30 * * * *', '0 9 * * MON-FRI', '30 2 * * *', '30 1 * * *', '0 0 31 * *', '0 0 13 * 5', 'H 1 * * *'), tz: zone, dst: optional(dst) }),
    fc.record({ kind: fc.constant('calendar'), every: fc.constantFrom('P1D', 'P1M', 'P1W', 'P1M3D', 'P1Y'), anchor: optional(local), tz: zone, clamp: optional(fc.constantFrom('last', 'skip')), dst: optional(dst) }),
    fc.record({ kind: fc.constant('or'), of: fc.array(tie('trigger'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ kind: fc.constant('and'), of: fc.array(tie('trigger'), { minLength: 1, maxLength: 3 }), threshold: optional(duration) }),
  ),
  trigger: fc.tuple(tie('member'), fc.option(tie('limits'), { nil: {} })).map(([member, limits]) => (['date', 'after'].includes((member as TriggerJson).kind) ? member : { ...limits, ...member })),
}));

const REFUSALS = ['ERR_CRON_TRIGGER', 'ERR_CRON_SYNTAX'];

/** What `ask` gives; undefined where it throws an error with one of the codes. */
function unless<T>(codes: readonly string[], ask: () => T): T | undefined {
  try {
    return ask();
  } catch (error) {
    if (error instanceof StaddleError && codes.includes(error.code)) return undefined;
    throw error;
  }
}

/** Resolved; undefined for a trigger that is refused, as combinations that never come are. */
function tryBuild(json: unknown): Trigger | undefined {
  return unless(REFUSALS, () => parseTrigger(json, { calendars: CALENDARS }).resolve(FROM, { seed: 'property' }));
}

function walk(trigger: Trigger, from: number, count: number): number[] {
  const times: number[] = [];
  for (let at = trigger.next(from); at !== undefined && times.length < count; at = trigger.next(at)) times.push(at);
  return times;
}

/** Triggers that answer: next to none is so sparse that it does not, but one may be. */
const answering = fc
  .tuple(anyTrigger.map(tryBuild), halfHour)
  .map(([trigger, from]) => trigger && unless(['ERR_CRON_TOO_SPARSE'], () => ({ trigger, from, times: walk(trigger, from, 20), before: trigger.prev(from + 1) })))
  .filter((answer) => answer !== undefined);

describe('triggers of all kinds, in one another', () => {
  it('have times that strictly increase, each of which matches, and nothing beside them', () => {
    fc.assert(
      fc.property(answering, ({ trigger, from, times }) => {
        expect(times).toEqual([...new Set(times)].toSorted((a, b) => a - b));
        expect(times.every((at) => at > from && trigger.matches(at))).toBe(true);
        for (const [index, at] of times.slice(0, -1).entries()) expect(trigger.matches(at + 1)).toBe(times[index + 1] === at + 1);
      }),
      { numRuns: 200 },
    );
  });

  it('go back over the times that they came by', () => {
    fc.assert(
      fc.property(answering, ({ trigger, from, times, before = -1 }) => {
        const [first, ...others] = times;
        for (const [index, at] of others.entries()) {
          expect(trigger.prev(at)).toBe(times[index]);
          expect(trigger.prev(times[index]! + 1)).toBe(times[index]);
        }
        expect(before).toBeLessThanOrEqual(from);
        expect(trigger.next(before)).toBe(first);
        expect(trigger.matches(from)).toBe(before === from);
      }),
      { numRuns: 200 },
    );
  });

  it('list what asking again and again finds', () => {
    fc.assert(
      fc.property(answering, ({ trigger, from, times }) => {
        const to = times[5] ?? from + DAY;
        expect(trigger.between(from + 1, Infinity, 5)).toEqual(times.slice(0, 5));
        expect(trigger.between(from + 1, to, 20)).toEqual(times.filter((at) => at < to));
      }),
      { numRuns: 200 },
    );
  });

  it('are the same, with the same hash and times, after a round trip through JSON', () => {
    fc.assert(
      fc.property(answering, ({ trigger, from, times }) => {
        const text = JSON.stringify(trigger);
        const again = parseTrigger(JSON.parse(text), { calendars: CALENDARS });
        expect(JSON.stringify(again)).toBe(text);
        expect(again.hash).toBe(trigger.hash);
        expect(again.resolve(0)).toBe(again);
        expect(walk(again, from, 20)).toEqual(times);
      }),
      { numRuns: 200 },
    );
  });

  it('are resolved to the same trigger whether before or after a round trip', () => {
    fc.assert(
      fc.property(
        anyTrigger.filter((json) => tryBuild(json) !== undefined),
        (json) => {
          const stored = JSON.parse(JSON.stringify(parseTrigger(json, { calendars: CALENDARS })));
          expect(tryBuild(stored)!.hash).toBe(tryBuild(json)!.hash);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('hostile JSON', () => {
  // Words of the format, so that what is generated gets beyond the first check.
  const key = fc.constantFrom('v', 'kind', 'at', 'tz', 'fold', 'delay', 'every', 'anchor', 'mode', 'expr', 'dst', 'clamp', 'of', 'threshold', 'startAt', 'endAt', 'maxRuns', 'exclude', 'jitter', 'seed', '__proto__', 'constructor', 'gap', 'overlap');
  const word = fc.constantFrom<unknown>(1, 2, 0, -1, 1e308, NaN, null, true, '', 'date', 'after', 'interval', 'cron', 'calendar', 'or', 'and', 'UTC', 'Europe/Paris', 'PT1S', 'P1M', 'P1D', '* * * * *', 'H * * * *', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00', 'delay', 'skip', 'shift', 'both', 'weekends', '__proto__', Symbol.iterator, 5n);
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'medium', maxDepth: 6 },
      word,
      fc.anything(),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(key, tie('value'), { maxKeys: 6 }),
      fc.record({ kind: fc.constantFrom('or', 'and'), of: fc.array(tie('value'), { maxLength: 4 }) }),
      fc.record({ kind: fc.constant('interval'), every: tie('value'), anchor: fc.constant('2026-01-01T00:00:00Z'), exclude: fc.array(tie('value'), { maxLength: 2 }) }),
      fc.record({ kind: fc.constant('cron'), expr: tie('value'), tz: tie('value'), dst: tie('value') }, { requiredKeys: ['kind'] }),
    ),
  }));

  it('is read or refused with an error of bounded length, and nothing else', () => {
    fc.assert(
      fc.property(value, (json) => {
        expect(errorOf(json)).toSatisfy((error) => error === undefined || (error instanceof StaddleError && REFUSALS.includes(error.code) && error.message.length < 1_000));
      }),
      { numRuns: 3_000 },
    );
  });

  it('made from a good trigger by one wrong value is refused with the path of that value', () => {
    fc.assert(
      fc.property(
        anyTrigger.filter((json) => tryBuild(json) !== undefined),
        fc.nat(),
        fc.constantFrom<unknown>(Symbol('x'), true, 5n, -1.5, () => 0),
        (json, pick, wrong) => {
          const paths = pathsOf(json);
          const path = paths[pick % paths.length]!;
          const error = errorOf(withValue(json, path, wrong));
          expect(error).toMatchObject({ code: 'ERR_CRON_TRIGGER', field: path.join('.') });
        },
      ),
      { numRuns: 500 },
    );
  });
});

function errorOf(json: unknown): unknown {
  try {
    parseTrigger(json, { calendars: CALENDARS });
    return undefined;
  } catch (error) {
    return error;
  }
}

function pathsOf(value: object): (readonly string[])[] {
  return Object.entries(value).flatMap(([key, inner]) => (inner === undefined ? [] : [[key], ...(typeof inner === 'object' && inner !== null ? pathsOf(inner as object).map((path) => [key, ...path]) : [])]));
}

function withValue(json: object, [key, ...rest]: readonly string[], value: unknown): object {
  const copy = (Array.isArray(json) ? [...json] : { ...json }) as Record<string, unknown>;
  copy[key!] = rest.length === 0 ? value : withValue(copy[key!] as object, rest, value);
  return copy;
}
