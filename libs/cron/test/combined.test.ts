import { after, and, cron, date, interval, or, type AndOptions, type Trigger } from '@staddle/cron';
import { hasCode } from '@staddle/kernel';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const NOW = Date.parse('2026-11-20T10:00:00Z');

const at = (...instants: number[]): Trigger => or(instants.map((instant) => date({ at: instant })));
const all = (trigger: Trigger): number[] => trigger.between(0, Infinity, 1_000);
const backwards = (trigger: Trigger): number[] => {
  const times: number[] = [];
  for (let time = trigger.prev(Infinity); time !== undefined; time = trigger.prev(time)) times.unshift(time);
  return times;
};

describe('or', () => {
  it('comes at every time of any of its triggers, once for each instant', () => {
    const trigger = or([interval({ every: 2_000, anchor: 0, endAt: 6_000 }), interval({ every: 3_000, anchor: 0, endAt: 9_000 })]);
    expect(all(trigger)).toEqual([0, 2_000, 3_000, 4_000, 6_000, 9_000]);
    expect(backwards(trigger)).toEqual(all(trigger));
  });

  it('holds limits of its own', () => {
    const trigger = or([interval({ every: 2_000, anchor: 0 }), interval({ every: 3_000, anchor: 0 })], { startAt: 1_000, maxRuns: 3, exclude: [date({ at: 3_000 })] });
    expect(all(trigger)).toEqual([2_000, 4_000, 6_000]);
  });

  it('is what business hours in two places are made of', () => {
    const trigger = or([cron('0 9 * * MON-FRI', { tz: 'Europe/Paris' }), cron('0 9 * * MON-FRI', { tz: 'Asia/Tokyo' })]);
    expect(trigger.between(NOW, NOW + 4 * 86_400_000, 10).map((time) => new Date(time).toISOString().slice(0, 16))).toEqual(['2026-11-23T00:00', '2026-11-23T08:00', '2026-11-24T00:00', '2026-11-24T08:00']);
  });
});

describe('and', () => {
  it('comes when all of its triggers come', () => {
    const trigger = and([interval({ every: 4_000, anchor: 0 }), interval({ every: 6_000, anchor: 0 }), interval({ every: 1_000, anchor: 5_000 })], { endAt: 40_000 });
    expect(all(trigger)).toEqual([12_000, 24_000, 36_000]);
    expect(backwards(trigger)).toEqual([12_000, 24_000, 36_000]);
  });

  it('counts the earliest of times that are within the threshold', () => {
    expect(all(and([at(1_000, 5_000, 9_000), at(1_500, 4_500, 9_501)], { threshold: 500 }))).toEqual([1_000, 4_500]);
  });

  it('lets one time agree with several', () => {
    // 1 000 and 1 200 both have 1 300 near them; 1 300 has nothing after it.
    expect(all(and([at(1_000, 1_200), at(1_300)], { threshold: 300 }))).toEqual([1_000, 1_200]);
  });

  it('finds Friday the 13th among daily and monthly times', () => {
    const trigger = and([cron('0 0 13 * *', { tz: 'UTC' }), cron('0 0 * * FRI', { tz: 'UTC' })]);
    expect(trigger.between(Date.parse('2026-01-01'), Date.parse('2027-01-01'), 5).map((time) => new Date(time).toISOString().slice(0, 10))).toEqual(['2026-02-13', '2026-03-13', '2026-11-13']);
    expect(trigger.prev(Date.parse('2026-11-13'))).toBe(Date.parse('2026-03-13'));
  });

  it('leaps, however dense its triggers are', () => {
    const trigger = and([interval({ every: 1, anchor: 0 }), date({ at: NOW }), interval({ every: 1, anchor: 0 })]);
    expect(trigger.next(0)).toBe(NOW);
    expect(trigger.prev(Infinity)).toBe(NOW);
  });

  it('refuses triggers that never agree, and those that agree too rarely to be found', () => {
    expect(() => and([date({ at: 1_000 }), date({ at: 2_000 })], { threshold: 999 })).toThrow(
      expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field: undefined, rule: 'never comes: its triggers do not agree on any time' }),
    );
    expect(() => and([interval({ every: 2, anchor: 0 }), interval({ every: 2, anchor: 1 })])).toThrow(
      expect.objectContaining({ code: 'ERR_CRON_TRIGGER', rule: expect.stringMatching(/^has no time that can be found in 100000 steps/) }),
    );
  });

  it('does not search eight thousand years for triggers that come once a year', () => {
    const yearly = ['Asia/Tokyo', 'Asia/Shanghai'].map((tz, hour) => cron(`0 ${hour} 1 1 *`, { tz, endAt: '9990-01-01T00:00' }));
    expect(() => and(yearly)).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', rule: expect.stringMatching(/^has no time that can be found in 100000 steps/) }));
    expect(() => or(yearly, { exclude: yearly })).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', rule: expect.stringMatching(/^has no time that can be found in 100000 steps/) }));
    const late = and([date({ at: '9000-01-01T00:00:00Z' }), cron('0 0 * * *', { tz: 'UTC' })]);
    expect(late.next(0)).toBe(Date.parse('9000-01-01T00:00:00Z'));
    expect(late.prev(Infinity)).toBe(Date.parse('9000-01-01T00:00:00Z'));
  });

  it('refuses to search for ever later on', () => {
    const sometimes = and([or([date({ at: 1 }), interval({ every: 2, anchor: 10 })]), interval({ every: 2, anchor: 1 })]);
    expect(sometimes.next(0)).toBe(1);
    const tooSparse = expect.objectContaining({ code: 'ERR_CRON_TOO_SPARSE', steps: 100_000 });
    expect(() => sometimes.next(1)).toThrow(tooSparse);
    expect(() => sometimes.prev(Infinity)).toThrow(tooSparse);
    expect(() => sometimes.matches(3)).toThrow(tooSparse);
    expect(() => sometimes.between(0, 10, 2)).toThrow(tooSparse);
    expect(sometimes.between(0, 10, 1)).toEqual([1]);
  });

  it('refuses a threshold that is no duration', () => {
    for (const threshold of [-1, 'soon', NaN]) expect(() => and([at(1)], { threshold })).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field: 'threshold', value: threshold }));
  });
});

describe.each<[string, (of: readonly Trigger[], options?: AndOptions) => Trigger]>([
  ['or', or],
  ['and', and],
])('%s', (kind, combine) => {
  it('waits for its creation when one of its triggers does, and passes it on', () => {
    const trigger = combine([interval({ every: '1h' }), cron('H(0-0) * * * *', { tz: 'UTC' })]);
    expect(() => trigger.next(0)).toThrow(expect.objectContaining({ code: 'ERR_CRON_UNRESOLVED', kind }));
    expect(() => trigger.resolve(NOW).next(0)).toThrow(expect.objectContaining({ code: 'ERR_CRON_UNRESOLVED', kind }));
    const resolved = trigger.resolve(NOW, { seed: 'report' });
    expect(resolved.toJSON()).toEqual({
      v: 1,
      kind,
      of: [
        { v: 1, kind: 'interval', every: 'PT1H', anchor: '2026-11-20T10:00:00.000Z' },
        { v: 1, kind: 'cron', expr: 'H(0-0) * * * *', tz: 'UTC', seed: 'report' },
      ],
    });
    expect(resolved.next(NOW)).toBe(NOW + 3_600_000);
    expect(resolved.resolve(NOW + 1)).toBe(resolved);
  });

  it('refuses members with jitter or a fixed delay: they would have no effect', () => {
    const refusal = (field: string): unknown => expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field });
    expect(() => combine([date({ at: 0 }), interval({ every: '1h', mode: 'delay' })])).toThrow(refusal('of.1.mode'));
    expect(() => combine([interval({ every: '1h', jitter: '1m' })])).toThrow(refusal('of.0.jitter'));
    expect(() => combine([date({ at: 0 })], { exclude: [interval({ every: '1h', mode: 'delay' })] })).toThrow(refusal('exclude.0.mode'));
    expect(() => combine([date({ at: 0 })], { exclude: [interval({ every: '1h', jitter: 1 })] })).toThrow(refusal('exclude.0.jitter'));
  });

  it('refuses what is no list of 1 to 32 triggers', () => {
    const refusal = (field: string): unknown => expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field });
    for (const of of [undefined, date({ at: 0 }), [], Array(33).fill(date({ at: 0 }))]) expect(() => combine(of as Trigger[])).toThrow(refusal('of'));
    for (const member of [undefined, null, 5, { v: 1, kind: 'date', at: '2026-12-01T01:00:00Z' }]) expect(() => combine([date({ at: 0 }), member as unknown as Trigger])).toThrow(refusal('of.1'));
  });

  it('refuses triggers that are more than five deep, or more than a hundred', () => {
    let nested: Trigger = date({ at: 0 });
    for (let depth = 2; depth <= 5; depth++) nested = combine([nested]);
    expect(() => combine([nested])).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', rule: 'is 6 triggers deep, more than 5' }));
    const many = combine(Array(32).fill(date({ at: 0 })));
    expect(() => combine([many, many, many, date({ at: 0 })])).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', rule: 'is made of 101 triggers, more than 100' }));
  });

  it('stays what it is when the list that it was made from changes', () => {
    const of = [interval({ every: '1h' })];
    const trigger = combine(of);
    of.push(interval({ every: '2h' }));
    expect(trigger.resolve(NOW).toJSON()).toMatchObject({ of: [{ every: 'PT1H' }] });
  });

  it('refuses to be created when no time is left by then', () => {
    const trigger = combine([after({ delay: '1h' })], { endAt: NOW });
    expect(() => trigger.resolve(NOW)).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', rule: 'never comes: no time is left within its limits' }));
  });

  it('says which of them cannot be resolved', () => {
    const past = interval({ every: '1h', endAt: NOW - 1 });
    expect(() => combine([after({ delay: 0 }), past]).resolve(NOW)).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field: 'of.1' }));
    expect(() => combine([after({ delay: 0 })], { exclude: [past] }).resolve(NOW)).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field: 'exclude.0' }));
  });
});

describe('combinations of any sets of instants', () => {
  const instants = fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 12 }).map((list) => list.toSorted((a, b) => a - b));
  const sets = fc.array(instants, { minLength: 1, maxLength: 4 });
  const ask = (trigger: Trigger, from: number): unknown[] => [trigger.next(from), trigger.prev(from), trigger.matches(from)];
  const answers = (times: readonly number[], from: number): unknown[] => [times.find((time) => time > from), times.findLast((time) => time < from), times.includes(from)];

  function tryAnd(triggers: readonly Trigger[], threshold: number): Trigger | undefined {
    try {
      return and(triggers, { threshold });
    } catch (error) {
      if (hasCode(error, 'ERR_CRON_TRIGGER')) return undefined;
      throw error;
    }
  }

  it('have the times of the definition, in both directions and from every instant', () => {
    fc.assert(
      fc.property(sets, fc.integer({ min: 0, max: 20 }), (lists, threshold) => {
        const union = [...new Set(lists.flat())].toSorted((a, b) => a - b);
        const common = union.filter((t) => lists.every((list) => list.some((time) => time >= t && time <= t + threshold)));
        const triggers = lists.map((list) => at(...list));
        const [disjunction, conjunction] = [or(triggers), tryAnd(triggers, threshold)];
        expect(all(disjunction)).toEqual(union);
        expect(conjunction === undefined ? [] : all(conjunction)).toEqual(common);
        for (let from = -1; from <= 62; from++) {
          expect(ask(disjunction, from)).toEqual(answers(union, from));
          expect(conjunction === undefined ? answers([], from) : ask(conjunction, from)).toEqual(answers(common, from));
        }
      }),
      { numRuns: 200 },
    );
  });
});
