import { createHash } from 'node:crypto';
import { CronSyntaxError, holidayCalendar, parseTrigger, TriggerSyntaxError, type TriggerJson } from '@staddle/cron';
import { describe, expect, it } from 'vitest';

const CN = holidayCalendar({ name: 'cn', days: ['2026-10-01/2026-10-07'], weekend: ['SAT', 'SUN'], workdays: ['2026-10-10'] });

/** Not copies: one and the same in all places. */
function times32(json: object): object[] {
  return Array.from({ length: 32 }, () => json);
}

function errorOf(json: unknown): unknown {
  try {
    return parseTrigger(json, { calendars: [CN] });
  } catch (error) {
    return error;
  }
}

describe('parseTrigger', () => {
  it.each<[unknown, TriggerJson]>([
    [{ kind: 'after', delay: 'PT2S' }, { v: 1, kind: 'after', delay: 'PT2S' }],
    [{ v: 1, kind: 'after', delay: 90_000 }, { v: 1, kind: 'after', delay: 'PT1M30S' }],
    [{ delay: '36h', kind: 'after' }, { v: 1, kind: 'after', delay: 'P1DT12H' }],
    [
      { kind: 'date', at: '2026-12-01T09:00', tz: 'Asia/Shanghai' },
      { v: 1, kind: 'date', at: '2026-12-01T09:00:00', tz: 'Asia/Shanghai' },
    ],
    [
      { tz: 'America/New_York', at: '2025-11-02T01:30:00.250', kind: 'date', fold: 1 },
      { v: 1, kind: 'date', at: '2025-11-02T01:30:00.250', tz: 'America/New_York', fold: 1 },
    ],
    [
      { kind: 'date', at: '2025-11-02T01:30:00.000', tz: 'UTC', fold: 0 },
      { v: 1, kind: 'date', at: '2025-11-02T01:30:00', tz: 'UTC' },
    ],
    [
      { kind: 'date', at: '2026-12-01T09:00+08:00' },
      { v: 1, kind: 'date', at: '2026-12-01T01:00:00.000Z' },
    ],
    [
      { kind: 'interval', every: '15m', mode: 'rate' },
      { v: 1, kind: 'interval', every: 'PT15M' },
    ],
    [
      { anchor: '2026-01-01T00:00:00+01:00', mode: 'delay', every: 'PT24H', kind: 'interval' },
      { v: 1, kind: 'interval', every: 'P1D', anchor: '2025-12-31T23:00:00.000Z', mode: 'delay' },
    ],
    [
      { tz: 'UTC', expr: ' */5  * * *\tmon-fri', kind: 'cron', dst: { overlap: 'first' } },
      { v: 1, kind: 'cron', expr: '*/5 * * * MON-FRI', tz: 'UTC' },
    ],
    [
      { kind: 'cron', expr: '30 2 * * *', tz: 'Europe/Paris', dst: { overlap: 'both', gap: 'shift' } },
      { v: 1, kind: 'cron', expr: '30 2 * * *', tz: 'Europe/Paris', dst: { gap: 'shift', overlap: 'both' } },
    ],
    [
      { kind: 'calendar', every: 'P14D', anchor: '2025-01-31T09:00', tz: 'Europe/Paris', clamp: 'last' },
      { v: 1, kind: 'calendar', every: 'P2W', anchor: '2025-01-31T09:00:00', tz: 'Europe/Paris' },
    ],
    [
      { kind: 'calendar', every: 'P18M2W', clamp: 'skip', dst: { gap: 'skip' }, tz: 'Europe/Paris' },
      { v: 1, kind: 'calendar', every: 'P1Y6M14D', tz: 'Europe/Paris', clamp: 'skip', dst: { gap: 'skip' } },
    ],
    [
      { kind: 'or', of: [{ kind: 'after', delay: '2s' }, { kind: 'date', at: '2026-12-01T01:00Z' }] },
      { v: 1, kind: 'or', of: [{ v: 1, kind: 'after', delay: 'PT2S' }, { v: 1, kind: 'date', at: '2026-12-01T01:00:00.000Z' }] },
    ],
    [
      { threshold: 1_000, kind: 'and', of: [{ kind: 'interval', every: 1_000 }] },
      { v: 1, kind: 'and', of: [{ v: 1, kind: 'interval', every: 'PT1S' }], threshold: 'PT1S' },
    ],
    [
      { kind: 'and', of: [{ kind: 'interval', every: 1_000 }], threshold: 'PT0S', seed: 'report' },
      { v: 1, kind: 'and', of: [{ v: 1, kind: 'interval', every: 'PT1S' }] },
    ],
    [
      {
        seed: 'report',
        jitter: 30_000,
        exclude: ['cn', { kind: 'date', at: '2026-12-01T01:00Z' }],
        maxRuns: 5,
        endAt: '2027-01-01T00:00',
        startAt: '2026-01-01T00:00+01:00',
        tz: 'Asia/Shanghai',
        expr: '0 9 * * *',
        kind: 'cron',
      },
      {
        v: 1,
        kind: 'cron',
        expr: '0 9 * * *',
        tz: 'Asia/Shanghai',
        startAt: '2025-12-31T23:00:00.000Z',
        endAt: '2027-01-01T00:00:00',
        maxRuns: 5,
        exclude: ['cn', { v: 1, kind: 'date', at: '2026-12-01T01:00:00.000Z' }],
        jitter: 'PT30S',
        seed: 'report',
      },
    ],
  ])('reads %j and writes the canonical form', (json, canonical) => {
    const trigger = parseTrigger(json, { calendars: [CN] });
    const text = JSON.stringify(trigger);
    expect(text).toBe(JSON.stringify(canonical));
    const again = parseTrigger(JSON.parse(text), { calendars: [CN] });
    expect(JSON.stringify(again)).toBe(text);
    expect(again.hash).toBe(trigger.hash);
    expect(trigger.hash).toBe(createHash('sha256').update(text).digest('hex'));
    expect(trigger.kind).toBe(canonical.kind);
  });

  it('gives the same times after a round trip', () => {
    const trigger = parseTrigger({ kind: 'interval', every: 'PT7M' }).resolve(1_000_000_000_000);
    const again = parseTrigger(JSON.parse(JSON.stringify(trigger)));
    for (let at = 1_000_000_000_000; at < 1_000_010_000_000; at = trigger.next(at)!) expect(again.next(at)).toBe(trigger.next(at));
  });

  it.each<[json: unknown, field: string | undefined, rule: string]>([
    [undefined, undefined, 'is not an object'],
    [null, undefined, 'is not an object'],
    ['*/5 * * * *', undefined, 'is not an object'],
    [[], undefined, 'is not an object'],
    [{}, 'kind', 'is missing: one of date, after, interval, cron, calendar, or, and'],
    [{ kind: 'daily' }, 'kind', 'is none of date, after, interval, cron, calendar, or, and'],
    [{ kind: 'toString' }, 'kind', 'is none of date, after, interval, cron, calendar, or, and'],
    [{ kind: ['cron'] }, 'kind', 'is none of date, after, interval, cron, calendar, or, and'],
    [{ kind: 'cron', expr: '* * * * *' }, 'tz', 'is missing'],
    [{ kind: 'cron', tz: 'UTC' }, 'expr', 'is missing'],
    [{ kind: 'cron', expr: 5, tz: 'UTC' }, 'expr', 'is not text'],
    [{ kind: 'cron', expr: '* * * * *', tz: null }, 'tz', 'is not text'],
    [{ kind: 'cron', expr: '* * * * *', tz: '' }, 'tz', 'is not an IANA time zone such as Europe/Paris, or UTC'],
    [{ kind: 'cron', expr: '* * * * *', tz: 'Mars/Olympus' }, 'tz', 'is not an IANA time zone such as Europe/Paris, or UTC'],
    [{ kind: 'cron', expr: '* * * * *', tz: '+05:30' }, 'tz', 'is not an IANA time zone such as Europe/Paris, or UTC'],
    [{ kind: 'cron', expr: '* * * * *', tz: 'IST' }, 'tz', 'is not an IANA time zone such as Europe/Paris, or UTC'],
    [{ v: 2, kind: 'cron' }, 'v', 'is not 1, the only version that this release of @staddle/cron reads: a newer one may read it'],
    [{ v: '1', kind: 'cron' }, 'v', 'is not 1, the only version that this release of @staddle/cron reads: a newer one may read it'],
    [{ kind: 'cron', expr: '* * * * *', tz: 'UTC', clamp: 'last' }, 'clamp', 'is not a key of a trigger of kind cron: expr, tz, dst, startAt, endAt, maxRuns, exclude, jitter, seed'],
    [{ kind: 'cron', expr: '* * * * *', tz: 'UTC', dst: null }, 'dst', 'is not an object with gap and overlap'],
    [{ kind: 'cron', expr: '* * * * *', tz: 'UTC', dst: { gap: 'shift', fold: 1 } }, 'dst.fold', 'is not a key of a policy for clock changes: gap, overlap'],
    [{ kind: 'cron', expr: '* * * * *', tz: 'UTC', dst: { gap: 'later' } }, 'dst.gap', 'is none of fire_at_end, shift, skip'],
    [{ kind: 'cron', expr: '* * * * *', tz: 'UTC', dst: { overlap: ['both'] } }, 'dst.overlap', 'is none of first, second, both'],
    [JSON.parse('{"kind":"cron","expr":"* * * * *","tz":"UTC","__proto__":{}}'), '__proto__', 'is not a key of a trigger of kind cron: expr, tz, dst, startAt, endAt, maxRuns, exclude, jitter, seed'],
    [{ kind: 'after', delay: '2s', at: 'x' }, 'at', 'is not a key of a trigger of kind after: delay'],
    [{ kind: 'after' }, 'delay', 'is missing'],
    [{ kind: 'after', delay: true }, 'delay', 'is not text'],
    [{ kind: 'after', delay: 'PT' }, 'delay', "is not a duration such as 'PT15M', '15m' or a whole number of milliseconds"],
    [{ kind: 'interval', every: 'PT0S' }, 'every', 'is shorter than 1 ms'],
    [{ kind: 'interval', every: '1s', mode: 'cron' }, 'mode', "is neither 'rate' nor 'delay'"],
    [{ kind: 'interval', every: '1s', startAt: 5 }, 'startAt', 'is not text'],
    [{ kind: 'interval', every: '1s', maxRuns: '5' }, 'maxRuns', 'is not a whole number from 1 to 10000'],
    [{ kind: 'interval', every: '1s', jitter: null }, 'jitter', 'is not text'],
    [{ kind: 'interval', every: '1s', seed: 5 }, 'seed', 'is not text of 1 to 200 characters'],
    [{ kind: 'interval', every: '1s', exclude: 'cn' }, 'exclude', 'is not a list of names of holiday calendars and triggers'],
    [{ kind: 'interval', every: '1s', exclude: ['cn'] }, 'exclude.0', 'is a holiday calendar without tz, and the trigger has none either: whose days are meant'],
    [{ kind: 'interval', every: '1s', exclude: [{ kind: 'after', delay: 1 }, 'fr'] }, 'exclude.1', 'is none of the holiday calendars that were given: cn'],
    [{ kind: 'interval', every: '1s', exclude: ['__proto__'] }, 'exclude.0', 'is none of the holiday calendars that were given: cn'],
    [{ kind: 'calendar', every: 'P1M', tz: 'UTC', anchor: 5 }, 'anchor', 'is not text'],
    [{ kind: 'calendar', every: 'P1M', tz: 'UTC', clamp: 'first' }, 'clamp', "is neither 'last' nor 'skip'"],
    [{ kind: 'or' }, 'of', 'is missing'],
    [{ kind: 'or', of: {} }, 'of', 'is not a list of triggers'],
    [{ kind: 'or', of: [] }, 'of', 'has 0 triggers, not 1 to 32'],
    [{ kind: 'or', of: [undefined, {}] }, 'of.0', 'is not an object'],
    [{ kind: 'or', of: [{ kind: 'after', delay: 1 }, 5] }, 'of.1', 'is not an object'],
    [{ kind: 'or', of: [{ kind: 'or', of: [{ kind: 'interval', every: '1s', exclude: [{ kind: 'date' }] }] }] }, 'of.0.of.0.exclude.0.at', 'is missing'],
    [{ kind: 'and', of: [{ kind: 'after', delay: 1 }], threshold: -1 }, 'threshold', "is not a duration such as 'PT15M', '15m' or a whole number of milliseconds"],
    [{ kind: 'interval', every: 'PT1M', anchor: 0 }, 'anchor', 'is not text'],
    [{ kind: 'interval', every: 'PT1M', anchor: null }, 'anchor', 'is not text'],
    [{ kind: 'date', at: 0 }, 'at', 'is not text'],
    [{ kind: 'date', at: '2026-12-01T09:00:00', tz: 5 }, 'tz', 'is not text'],
    [{ kind: 'date', at: '2026-12-01T09:00:00', tz: 'UTC', fold: '1' }, 'fold', 'is neither 0 nor 1'],
  ])('refuses %j, naming key and rule', (json, field, rule) => {
    const error = errorOf(json);
    expect(error).toBeInstanceOf(TriggerSyntaxError);
    expect(error).toMatchObject({ code: 'ERR_CRON_TRIGGER', name: 'TriggerSyntaxError', retryable: false, rule });
    expect((error as TriggerSyntaxError).field).toBe(field);
  });

  it('passes on what is wrong with the expression', () => {
    expect(errorOf({ kind: 'cron', expr: '61 * * * *', tz: 'UTC' })).toMatchObject({ code: 'ERR_CRON_SYNTAX', field: 'expr', value: '61', position: 0 });
  });

  it('says where the expression is, in a trigger made of several', () => {
    const error = errorOf({ kind: 'or', of: [{ kind: 'after', delay: 1 }, { kind: 'and', of: [{ kind: 'cron', expr: '0 61 * * *', tz: 'UTC' }] }] });
    expect(error).toBeInstanceOf(CronSyntaxError);
    expect(error).toMatchObject({ code: 'ERR_CRON_SYNTAX', field: 'of.1.of.0.expr', value: '61', position: 2, part: 'hour', expression: '0 61 * * *' });
    expect(error).toHaveProperty('message', expect.stringMatching(/^of\.1\.of\.0\.expr: cron hour "61" at position 2 /));
  });

  it('says so when no holiday calendar was given at all', () => {
    expect(() => parseTrigger({ kind: 'cron', expr: '0 9 * * *', tz: 'UTC', exclude: ['cn'] })).toThrow(
      expect.objectContaining({ field: 'exclude.0', value: 'cn', rule: 'names a holiday calendar, and none was given' }),
    );
  });

  it('refuses two holiday calendars of one name', () => {
    expect(() => parseTrigger({ kind: 'after', delay: 1 }, { calendars: [CN, { ...CN }] })).toThrow(expect.objectContaining({ code: 'ERR_CRON_DECLARATION', source: 'cn' }));
  });

  it('reads triggers that are five deep, and no more', () => {
    const nested = (depth: number): object => (depth === 1 ? { kind: 'date', at: '2026-12-01T01:00Z' } : { kind: depth % 2 ? 'or' : 'and', of: [nested(depth - 1)] });
    expect(parseTrigger(nested(5)).next(0)).toBe(Date.parse('2026-12-01T01:00Z'));
    expect(errorOf(nested(6))).toMatchObject({ field: 'of.0.of.0.of.0.of.0.of.0', rule: 'is more than 5 triggers deep' });
  });

  it('reads a hundred triggers in one, and no more', () => {
    const date = { kind: 'date', at: '2026-12-01T01:00Z' };
    const many = (count: number): object => ({ kind: 'or', of: Array.from({ length: count }, () => date) });
    expect(() => parseTrigger({ kind: 'or', of: [many(32), many(32), many(32)] })).not.toThrow();
    expect(errorOf({ kind: 'or', of: [many(32), many(32), many(32), date] })).toMatchObject({ field: undefined, rule: 'is made of 101 triggers, more than 100' });
  });

  it('looks at no list that is too long', () => {
    const long: unknown[] = [];
    long.length = 1e9;
    expect(errorOf({ kind: 'or', of: long })).toMatchObject({ field: 'of', rule: 'has 1000000000 items, more than 32' });
    expect(errorOf({ kind: 'interval', every: '1s', exclude: long })).toMatchObject({ field: 'exclude', rule: 'has 1000000000 items, more than 32' });
  });

  it('ends with cycles and with what grows without end', () => {
    const cycle: Record<string, unknown> = { kind: 'or' };
    cycle.of = [cycle, cycle];
    expect(errorOf(cycle)).toMatchObject({ code: 'ERR_CRON_TRIGGER', rule: 'is more than 5 triggers deep' });
    let laughs: object = { kind: 'date', at: '2026-12-01T01:00Z' };
    for (let level = 0; level < 4; level++) laughs = { kind: 'or', of: times32(laughs) };
    expect(errorOf(laughs)).toMatchObject({ code: 'ERR_CRON_TRIGGER', rule: 'is made of 1057 triggers, more than 100' });
    let lists: unknown = [];
    for (let level = 0; level < 40; level++) lists = [lists, lists];
    expect(errorOf({ kind: 'cron', expr: lists, tz: 'UTC' })).toMatchObject({ field: 'expr', rule: 'is not text' });
  });

  it('ends with triggers that take long to build, each alone within its steps', () => {
    const apart = { kind: 'and', of: [{ kind: 'interval', every: 2, anchor: '1970-01-01T00:00:00.000Z' }, { kind: 'interval', every: 2, anchor: '1970-01-01T00:00:00.001Z' }] };
    expect(errorOf({ kind: 'or', of: times32(apart) })).toMatchObject({ code: 'ERR_CRON_TRIGGER', field: 'of.0', rule: expect.stringContaining('has no time that can be found in 100000 steps') });
    // Three steps for each millisecond that is left out.
    const date = { kind: 'date', at: '1970-01-01T00:00:00.000Z' };
    const every = { kind: 'interval', every: 1, anchor: '1970-01-01T00:00:00.000Z' };
    const exclude = (count: number): object => ({ ...every, exclude: [{ ...every, endAt: new Date(count).toISOString() }, date] });
    expect(parseTrigger(exclude(30_000)).next(0)).toBe(30_001);
    expect(errorOf({ kind: 'or', of: times32(exclude(33_000)) })).toMatchObject({ code: 'ERR_CRON_TRIGGER', rule: expect.stringContaining('steps') });
  });

  it('says it in one line of bounded length', () => {
    expect(() => parseTrigger({ kind: 'cron', expr: '* * * * *', tz: 'Mars/Olympus' })).toThrow('trigger tz "Mars/Olympus" is not an IANA time zone');
    expect(() => parseTrigger({ kind: 'cron', expr: '* * * * *' })).toThrow(/^trigger tz is missing$/);
    expect(() => parseTrigger('x'.repeat(10_000))).toThrow(/^trigger "x{1,200}… is not an object$/);
    const cycle: Record<string, unknown> = { kind: 'after' };
    cycle.delay = cycle;
    expect(() => parseTrigger(cycle)).toThrow("trigger delay <ref *1> { kind: 'after', delay: [Circular *1] } is not text");
    expect(() => parseTrigger({ kind: 'after', 'a\nb\u001B[31m': 1 })).toThrow(String.raw`trigger "a\nb\u001b[31m" 1 is not a key`);
    const key = 'x'.repeat(10_000);
    expect(errorOf({ kind: 'or', of: [{ kind: 'after', [key]: 1 }] })).toMatchObject({ field: `of.0.${key}`, message: expect.stringMatching(/^.{1,300}$/) });
  });
});
