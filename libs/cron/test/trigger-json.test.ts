import { parseTrigger, TriggerSyntaxError, type TriggerJson } from '@staddle/cron';
import { describe, expect, it } from 'vitest';

function errorOf(json: unknown): unknown {
  try {
    return parseTrigger(json);
  } catch (error) {
    return error;
  }
}

describe('parseTrigger', () => {
  it.each<[unknown, TriggerJson]>([
    [{ kind: 'after', delay: 'PT2S' }, { kind: 'after', delay: 'PT2S' }],
    [{ kind: 'after', delay: 90_000 }, { kind: 'after', delay: 'PT1M30S' }],
    [{ delay: '36h', kind: 'after' }, { kind: 'after', delay: 'P1DT12H' }],
    [
      { kind: 'date', at: '2026-12-01T09:00', tz: 'Asia/Shanghai' },
      { kind: 'date', at: '2026-12-01T09:00:00', tz: 'Asia/Shanghai' },
    ],
    [
      { tz: 'America/New_York', at: '2025-11-02T01:30:00.250', kind: 'date', fold: 1 },
      { kind: 'date', at: '2025-11-02T01:30:00.250', tz: 'America/New_York', fold: 1 },
    ],
    [
      { kind: 'date', at: '2025-11-02T01:30:00.000', tz: 'UTC', fold: 0 },
      { kind: 'date', at: '2025-11-02T01:30:00', tz: 'UTC' },
    ],
    [
      { kind: 'date', at: '2026-12-01T09:00+08:00' },
      { kind: 'date', at: '2026-12-01T01:00:00.000Z' },
    ],
    [
      { kind: 'interval', every: '15m' },
      { kind: 'interval', every: 'PT15M' },
    ],
    [
      { anchor: '2026-01-01T00:00:00+01:00', every: 'PT24H', kind: 'interval' },
      { kind: 'interval', every: 'P1D', anchor: '2025-12-31T23:00:00.000Z' },
    ],
    [
      { tz: 'UTC', expr: ' */5  * * *\tmon-fri', kind: 'cron' },
      { kind: 'cron', expr: '*/5 * * * MON-FRI', tz: 'UTC' },
    ],
  ])('reads %j and writes the canonical form', (json, canonical) => {
    const text = JSON.stringify(parseTrigger(json));
    expect(text).toBe(JSON.stringify(canonical));
    expect(JSON.stringify(parseTrigger(JSON.parse(text)))).toBe(text);
    expect(parseTrigger(json).kind).toBe(canonical.kind);
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
    [{}, 'kind', 'is missing: one of date, after, interval, cron'],
    [{ kind: 'daily' }, 'kind', 'is none of date, after, interval, cron'],
    [{ kind: 'toString' }, 'kind', 'is none of date, after, interval, cron'],
    [{ kind: ['cron'] }, 'kind', 'is none of date, after, interval, cron'],
    [{ kind: 'cron', expr: '* * * * *' }, 'tz', 'is missing'],
    [{ kind: 'cron', tz: 'UTC' }, 'expr', 'is missing'],
    [{ kind: 'cron', expr: 5, tz: 'UTC' }, 'expr', 'is not text'],
    [{ kind: 'cron', expr: '* * * * *', tz: null }, 'tz', 'is not text'],
    [{ kind: 'cron', expr: '* * * * *', tz: '' }, 'tz', 'is not an IANA time zone such as Europe/Paris, or UTC'],
    [{ kind: 'cron', expr: '* * * * *', tz: 'Mars/Olympus' }, 'tz', 'is not an IANA time zone such as Europe/Paris, or UTC'],
    [{ kind: 'cron', expr: '* * * * *', tz: '+05:30' }, 'tz', 'is not an IANA time zone such as Europe/Paris, or UTC'],
    [{ kind: 'cron', expr: '* * * * *', tz: 'IST' }, 'tz', 'is not an IANA time zone such as Europe/Paris, or UTC'],
    [{ kind: 'cron', expr: '* * * * *', tz: 'UTC', dst: {} }, 'dst', 'is not a key of a trigger of kind cron: expr, tz'],
    [JSON.parse('{"kind":"cron","expr":"* * * * *","tz":"UTC","__proto__":{}}'), '__proto__', 'is not a key of a trigger of kind cron: expr, tz'],
    [{ kind: 'after', delay: '2s', at: 'x' }, 'at', 'is not a key of a trigger of kind after: delay'],
    [{ kind: 'after' }, 'delay', 'is missing'],
    [{ kind: 'after', delay: true }, 'delay', 'is not text'],
    [{ kind: 'after', delay: 'PT' }, 'delay', "is not a duration such as 'PT15M', '15m' or a whole number of milliseconds"],
    [{ kind: 'interval', every: 'PT0.1S' }, 'every', 'is shorter than 1000 ms'],
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
    expect(errorOf({ kind: 'cron', expr: '*/90 * * * *', tz: 'UTC' })).toMatchObject({ code: 'ERR_CRON_SYNTAX', field: 'expr', value: '90', position: 2 });
  });

  it('says it in one line of bounded length', () => {
    expect(() => parseTrigger({ kind: 'cron', expr: '* * * * *', tz: 'Mars/Olympus' })).toThrow('trigger tz "Mars/Olympus" is not an IANA time zone');
    expect(() => parseTrigger({ kind: 'cron', expr: '* * * * *' })).toThrow(/^trigger tz is missing$/);
    expect(() => parseTrigger('x'.repeat(10_000))).toThrow(/^trigger "x{1,200}… is not an object$/);
    const cycle: Record<string, unknown> = { kind: 'after' };
    cycle.delay = cycle;
    expect(() => parseTrigger(cycle)).toThrow('trigger delay [object Object] is not text');
  });
});
