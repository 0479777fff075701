import { cron, date, interval, type Trigger } from '@staddle/cron';
import { createTestClock } from '@staddle/testing';
import { expect, it } from 'vitest';
import { watch, type Witness } from './witness.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;

/** What runs in the `ms` after `from`, as ISO 8601 in UTC without `.000`. */
async function runs(trigger: Trigger, from: string, ms: number): Promise<{ times: string[]; witness: Witness }> {
  const clock = createTestClock(Date.parse(from));
  const witness = watch({ clock });
  witness.scheduler.schedule('job', trigger, () => {});
  witness.scheduler.startInBackground();
  await clock.advance(ms);
  return { times: witness.ran('job').map((at) => new Date(at).toISOString().replace('.000', '')), witness };
}

it('25: a leap day comes and goes', async () => {
  const { times } = await runs(cron('0 0 29 2 *', { tz: 'UTC' }), '2028-02-28T23:59:00Z', 5 * MINUTE);
  expect(times).toEqual(['2028-02-29T00:00:00Z']);
  const last = await runs(cron('0 0 L 2 *', { tz: 'UTC' }), '2027-02-27T23:58:00Z', 5 * MINUTE);
  expect(last.times).toEqual(['2027-02-28T00:00:00Z']);
});

it('25: the last second of a year and the first of the next are two', async () => {
  const { times } = await runs(cron('59,0 59,0 23,0 31,1 12,1 *', { tz: 'UTC' }), '2026-12-31T23:59:58Z', 5_000);
  expect(times).toEqual(['2026-12-31T23:59:59Z', '2027-01-01T00:00:00Z']);
});

it('25: a second of 60 is no instant', () => {
  for (const at of ['2016-12-31T23:59:60Z', '2016-12-31T24:00:01Z']) expect(() => date({ at })).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field: 'at' }));
});

it('25: after the end of the year 9999 nothing comes, and the schedule is finished', async () => {
  const { times, witness } = await runs(cron('* * * * * *', { tz: 'UTC' }), '9999-12-31T23:59:57.500Z', 10_000);
  expect(times).toEqual(['9999-12-31T23:59:58Z', '9999-12-31T23:59:59Z']);
  expect(witness.events.at(-1)).toEqual({ type: 'finished', name: 'job' });
  expect(witness.scheduler.list()).toEqual([]);
});

it('25: endAt is included, to the millisecond', async () => {
  const start = '2026-01-01T00:00:30Z';
  const upTo = (endAt: string) => runs(cron('* * * * *', { tz: 'UTC', endAt }), start, 10 * MINUTE);
  const whole = await upTo('2026-01-01T00:02:00.000');
  expect(whole.times).toEqual(['2026-01-01T00:01:00Z', '2026-01-01T00:02:00Z']);
  expect(whole.witness.events.at(-1)?.type).toBe('finished');
  expect((await upTo('2026-01-01T00:01:59.999')).times).toEqual(['2026-01-01T00:01:00Z']);
  const every = interval({ every: '1m', anchor: '2026-01-01T00:00:00Z', endAt: '2026-01-01T00:02:00Z' });
  expect((await runs(every, start, 10 * MINUTE)).times).toEqual(['2026-01-01T00:01:00Z', '2026-01-01T00:02:00Z']);
});

it('25: startAt in a gap is the end of the gap, and what fires there is not lost', async () => {
  // Clocks in Paris go from 02:00 to 03:00 at 01:00 UTC.
  const trigger = cron('30 2 * * *', { tz: 'Europe/Paris', startAt: '2026-03-29T02:15:00' });
  const { times } = await runs(trigger, '2026-03-29T00:58:00Z', 5 * MINUTE);
  expect(times).toEqual(['2026-03-29T01:00:00Z']);
  expect(trigger.next(Date.parse('2026-03-29T01:00:00Z'))).toBe(Date.parse('2026-03-30T00:30:00Z'));
  const every = cron('*/20 * * * *', { tz: 'Europe/Paris', startAt: '2026-03-29T02:15:00' });
  expect((await runs(every, '2026-03-29T00:30:00Z', DAY / 24)).times).toEqual(['2026-03-29T01:00:00Z', '2026-03-29T01:20:00Z']);
});
