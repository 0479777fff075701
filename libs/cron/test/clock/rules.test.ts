import { cron, type Trigger } from '@staddle/cron';
import { createLocks } from '@staddle/lock';
import { memoryLockDriver } from '@staddle/lock/memory';
import { createTestClock } from '@staddle/testing';
import { describe, expect, it } from 'vitest';
import { watch } from './witness.ts';

/*
 * tzdata is inside of Node, so a process sees new rules by a restart of itself under another Node. Two zones that agree up to an
 * instant stand for a zone under the old rules and under the new ones.
 *
 * Promised: no instant runs twice, and as long as both rules agree, none is missing. Not promised: a scheduler remembers nothing,
 * so one that starts under new rules that are in force already knows nothing of the day's run under the old ones. A fixed local time
 * may then come twice, an hour apart, or not at all.
 */

const HOUR = 3_600_000;
const HALF_A_DAY = 12 * HOUR;
const EXPRESSIONS = ['30 9 * * *', '30 1 * * *', '30 2 * * *', '0 0 * * *', '0 * * * *', '*/30 1-3 * * *'];

const CHANGES = [
  { what: 'forward where there was to be none', before: 'Europe/Moscow', after: 'Europe/Volgograd', at: Date.parse('2018-10-27T23:00Z') },
  { what: 'back where there was to be none', before: 'Europe/Samara', after: 'Europe/Volgograd', at: Date.parse('2020-12-26T22:00Z') },
  { what: 'not at all where they were to go forward', before: 'Europe/Volgograd', after: 'Europe/Moscow', at: Date.parse('2018-10-27T23:00Z') },
  { what: 'not at all where they were to go back', before: 'Europe/Volgograd', after: 'Europe/Samara', at: Date.parse('2020-12-26T22:00Z') },
];

describe.each(CHANGES)('24: new rules, by which clocks go $what', ({ before, after, at }) => {
  const [from, to] = [at - HALF_A_DAY, at + HALF_A_DAY];
  const triggers = EXPRESSIONS.map((expr) => ({ expr, old: cron(expr, { tz: before }), new: cron(expr, { tz: after }) }));

  /** What runs in the day around it when the process has the old rules until `changesAt` and the new ones from there on. */
  async function ranWith(changesAt: number, how: 'restart' | 'reschedule'): Promise<Map<string, number[]>> {
    const clock = createTestClock(from);
    const first = watch({ clock });
    for (const { expr, old } of triggers) first.scheduler.schedule(expr, old, () => {});
    first.scheduler.startInBackground();
    await clock.advance(changesAt - from);
    let last = first;
    if (how === 'reschedule') {
      for (const { expr, new: other } of triggers) first.scheduler.reschedule(expr, other);
    } else {
      await first.scheduler.stop();
      last = watch({ clock });
      for (const { expr, new: other } of triggers) last.scheduler.schedule(expr, other, () => {});
      last.scheduler.startInBackground();
    }
    await clock.advance(to - changesAt);
    await last.scheduler.stop();
    return new Map(EXPRESSIONS.map((expr) => [expr, last === first ? first.ran(expr) : [...first.ran(expr), ...last.ran(expr)]]));
  }

  it.each(['restart', 'reschedule'] as const)('up to the instant from which they differ, a %s leaves out nothing and no local time runs twice', async (how) => {
    for (const hours of [-11.75, -3, -0.01]) {
      for (const [expr, ran] of await ranWith(at + hours * HOUR, how)) {
        const { new: trigger } = triggers.find((each) => each.expr === expr)!;
        expect(ran, `${expr}, ${hours} h`).toEqual(trigger.between(from + 1, to + 1, 10_000));
      }
    }
  });

  it.each(['restart', 'reschedule'] as const)('from it on, a %s runs no instant twice', async (how) => {
    for (const hours of [0, 0.5, 2, 7]) {
      for (const [expr, ran] of await ranWith(at + hours * HOUR, how)) {
        expect(ran, `${expr}, ${hours} h`).toEqual([...new Set(ran)].toSorted((a, b) => a - b));
      }
    }
  });

  it('while one process has the old rules and another the new ones, instants of both run once', async () => {
    const clock = createTestClock(from);
    const driver = memoryLockDriver({ clock });
    const pair = (['old', 'new'] as const).map((rules) => {
      const witness = watch({ clock, locks: createLocks({ driver, clock }) });
      for (const trigger of triggers) witness.scheduler.schedule(trigger.expr, trigger[rules], () => {});
      witness.scheduler.startInBackground();
      return witness;
    });
    await clock.advance(to - from);
    for (const { scheduler } of pair) await scheduler.stop();
    const times = (trigger: Trigger): number[] => trigger.between(from + 1, to + 1, 10_000);
    for (const { expr, old, new: other } of triggers) {
      const ran = pair.flatMap((witness) => witness.ran(expr)).toSorted((a, b) => a - b);
      expect(ran, expr).toEqual([...new Set([...times(old), ...times(other)])].toSorted((a, b) => a - b));
    }
  });
});
