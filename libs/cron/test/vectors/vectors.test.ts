import { cron, lintTrigger, parseTrigger, type Trigger, type TriggerJson } from '@staddle/cron';
import { describe, expect, it } from 'vitest';
import { REFUSALS, VECTORS } from './vectors.ts';

const MINUTE = 60_000;
const DAY = 1_440 * MINUTE;

describe.each(VECTORS)('$what', ({ trigger: json, from, times, ends }) => {
  const expected = times.map((time) => Date.parse(time));
  const start = Date.parse(from);

  it(`is ${'expr' in json ? json.expr : json.kind} from ${from} on: ${times.join(', ')}`, () => {
    const trigger = parseTrigger(json);
    const found: (number | undefined)[] = [];
    for (let at: number | undefined = start; at !== undefined && found.length < expected.length; ) found.push((at = trigger.next(at)));
    expect(found).toEqual(expected);
    expect(trigger.next(expected.at(-1)!) === undefined).toBe(ends);
    expect(trigger.between(start + 1, expected.at(-1)! + 1, 1_000)).toEqual(expected);
    const back: (number | undefined)[] = [];
    for (let at: number | undefined = expected.at(-1)! + 1; at !== undefined && back.length < expected.length; ) back.push((at = trigger.prev(at)));
    expect(back.toReversed()).toEqual(expected);
  });

  it('has the same times when the process restarts at any minute of their days', () => {
    const text = JSON.stringify(json);
    const wrong = minutesOfDays([start, ...expected])
      .filter((at) => at >= start && at < expected.at(-1)!)
      .filter((at) => restarted(text).next(at) !== expected.find((time) => time > at))
      .map((at) => new Date(at).toISOString());
    expect(wrong).toEqual([]);
  });
});

it.each(REFUSALS)('refuses %s: %o', (_, expr, message) => {
  expect(() => cron(expr, { tz: 'UTC' })).toThrow(expect.objectContaining({ code: 'ERR_CRON_SYNTAX', message: expect.stringMatching(message) }));
});

it('warns of a step from a value', () => {
  expect(lintTrigger(cron('5/15 * * * *', { tz: 'UTC' }))).toContainEqual(expect.objectContaining({ rule: 'open-step', value: '5/15' }));
});

it('spreads H by a seed, in the same way after every restart', () => {
  const options = { tz: 'UTC' };
  const text = JSON.stringify(cron('H H * * *', { ...options, seed: 'invoices' }));
  const start = Date.parse('2025-06-01T00:00Z');
  const times = cron('H H * * *', { ...options, seed: 'invoices' }).between(start, start + 3 * DAY, 10);
  expect(times).toHaveLength(3);
  expect(times.map((at) => at - times[0]!)).toEqual([0, DAY, 2 * DAY]);
  for (let at = start; at < times[0]!; at += MINUTE) expect(restarted(text).next(at)).toBe(times[0]);
  expect(cron('H H * * *', { ...options, seed: 'backups' }).next(start)).not.toBe(times[0]);
});

/** What a process has that starts now: a trigger read from where it is stored. */
function restarted(text: string): Trigger {
  return parseTrigger(JSON.parse(text) as TriggerJson);
}

/** Every minute of the UTC days of some instants. */
function minutesOfDays(instants: readonly number[]): number[] {
  const days = new Set(instants.map((at) => Math.floor(at / DAY) * DAY));
  return [...days].flatMap((day) => Array.from({ length: 1_440 }, (_, minute) => day + minute * MINUTE));
}
