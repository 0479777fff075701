import { cron, type Trigger } from '@staddle/cron';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tryTimeZone } from '../../src/zone/time-zone.ts';
import { DAY, HOUR, observe, type Change, type Window } from './clocks.ts';
import { faultIn, restartFaultIn } from './compare.ts';
import { POLICIES, timesIn, type Policy } from './minute-oracle.ts';
import { readExpression } from './reading.ts';
import { trickyExpressions } from './tricky-expressions.ts';
import { ALL_ZONES, seriesOf, type Series } from './zones.ts';

/*
 * Every zone that Intl knows, every change of its clocks from 2020 to 2037. Zones share rules, so expressions are compared once
 * for all zones that show the same throughout; that they do show the same is compared for each of them.
 * CRON_SOAK=1 asks Intl at every minute of each window, and restarts every expression under every policy.
 */

const FROM = Date.UTC(2020, 0, 1);
const TO = Date.UTC(2038, 0, 1);
const SOAK = process.env.CRON_SOAK !== undefined;

const series = seriesOf(ALL_ZONES, FROM, TO);
const changing = series.filter(({ changes }) => changes.length > 0);

it('looks at all zones and enough changes to be worth it', () => {
  expect(series.flatMap(({ zones }) => zones)).toHaveLength(ALL_ZONES.length);
  expect(changing.length).toBeGreaterThan(40);
  expect(changing.reduce((sum, { changes }) => sum + changes.length, 0)).toBeGreaterThan(1_000);
});

it('finds in every zone the changes that Intl shows, and no others', () => {
  const wrong = series.flatMap(({ zones, base, changes }) =>
    zones.filter((tz) => JSON.stringify(changesByLibrary(tz)) !== JSON.stringify({ base, changes })),
  );
  expect(wrong).toEqual([]);
});

describe.each(changing)('$tz, like $zones.length zones in all', ({ tz, clocks, changes }) => {
  let windows: readonly Window[] = [];
  beforeAll(() => {
    windows = changes.map(({ at }) => observe(clocks, at - 2 * DAY, at + 2 * DAY, { everyMinute: SOAK }));
  });
  afterAll(() => {
    windows = [];
  });

  it('has at every change the times that a look at every minute finds, forwards, backwards and at once', () => {
    const triggers = createTriggers(tz);
    const faults = changes.flatMap((change, index) => {
      const window = windows[index]!;
      const { fixed, following } = trickyExpressions(change);
      return [...fixed, ...following].flatMap((expr) => {
        // Policies are nothing to what follows the clock; one of them each time is enough to see that.
        const policies = fixed.includes(expr) || SOAK ? POLICIES : [POLICIES[index % POLICIES.length]!];
        const expected = timesIn(readExpression(expr), window, policies);
        return policies.flatMap((policy, number) => {
          const fault = faultIn(triggers(expr, policy), expected[number]!, window);
          return fault === undefined ? [] : [{ expr, tz, policy, fault }];
        });
      });
    });
    expect(faults.slice(0, 5)).toEqual([]);
  });

  it('has the same times after a restart at any minute of the day of a change', () => {
    const triggers = createTriggers(tz);
    const faults = changes.flatMap((change, index) => {
      const window = windows[index]!;
      const { fixed, following, restarts } = trickyExpressions(change);
      return (SOAK ? [...fixed, ...following] : restarts).flatMap((expr, number) => {
        const policies = SOAK ? POLICIES : [POLICIES[(index + number) % POLICIES.length]!];
        return timesIn(readExpression(expr), window, policies).flatMap((expected, place) => {
          const fault = restartFaultIn(triggers(expr, policies[place]!), expected, dayOf(change), window.to);
          return fault === undefined ? [] : [{ expr, tz, policy: policies[place], fault }];
        });
      });
    });
    expect(faults.slice(0, 5)).toEqual([]);
  });
});

/** Triggers are immutable: one for each expression and policy will do for all changes of a zone. */
function createTriggers(tz: string): (expr: string, dst: Policy) => Trigger {
  const triggers = new Map<string, Trigger>();
  return (expr, dst) => {
    const key = `${expr} ${dst.gap} ${dst.overlap}`;
    const trigger = triggers.get(key) ?? cron(expr, { tz, dst });
    triggers.set(key, trigger);
    return trigger;
  };
}

/** From local midnight before a change to three hours after the next one. */
function dayOf({ at, before }: Change): { from: number; to: number } {
  const midnight = at - ((at + before) % DAY);
  return { from: midnight, to: midnight + DAY + 3 * HOUR };
}

function changesByLibrary(tz: string): Pick<Series, 'base' | 'changes'> {
  const zone = tryTimeZone(tz)!;
  const changes: Change[] = [];
  const first = zone.periodAt(FROM);
  for (let period = first; period.endAt < TO; ) {
    const next = zone.periodAt(period.endAt);
    if (next.offsetMs !== period.offsetMs) changes.push({ at: next.startAt, before: period.offsetMs, after: next.offsetMs });
    period = next;
  }
  return { base: first.offsetMs, changes };
}
