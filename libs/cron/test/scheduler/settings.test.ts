import { createScheduler, cron, interval, type ScheduleOptions, type SchedulerOptions, type Trigger } from '@staddle/cron';
import { createTestClock } from '@staddle/testing';
import { describe, expect, it } from 'vitest';
import { START, testBench } from './test-bench.ts';

const every10s = interval({ every: '10s', anchor: START });

describe('a schedule is refused, naming the field, the value and the rule, for', () => {
  it.each<[string, unknown]>([
    ['overlap', 'queue'],
    ['timeoutMs', 0],
    ['timeoutMs', 1.5],
    ['timeoutMs', '5s'],
    ['paused', 'yes'],
    ['misfire', 'latest'],
    ['misfire.mode', 'last'],
    ['misfire.windowMs', -1],
    ['misfire.graceMs', Number.NaN],
    ['misfire.max', 0],
    ['misfire.max', 10_001],
    ['misfire.window', 'PT1H'],
    ['lock', true],
    ['lock.ttlMs', 0],
    ['lock.keepMs', 0],
    ['lock.onCrash', 'again'],
    ['lock.waitMs', 5],
    ['timezone', 'UTC'],
  ])('%s %s', (field, value) => {
    const [key, inner] = field.split('.') as [string, string?];
    const options = { [key]: inner === undefined ? value : { [inner]: value } } as ScheduleOptions;
    const { scheduler } = testBench();
    expect(() => scheduler.schedule('job', every10s, () => {}, options)).toThrow(expect.objectContaining({ code: 'ERR_CRON_SCHEDULE', field, value }));
    expect(scheduler.list()).toEqual([]);
    expect(() => createScheduler({ defaults: options })).toThrow(expect.objectContaining({ code: 'ERR_CRON_SCHEDULE', value }));
  });

  it.each(['', 'x'.repeat(201), '\ud800', 7, undefined])('the name %j', (name) => {
    const { scheduler } = testBench();
    expect(() => scheduler.schedule(name as string, every10s, () => {})).toThrow(expect.objectContaining({ code: 'ERR_CRON_SCHEDULE', field: 'name' }));
  });

  it.each(['x', 'x'.repeat(200), '每日报表', 'a b\n"c"', '__proto__', '🧹'])('no name of 1 to 200 characters: %j', (name) => {
    const { scheduler } = testBench();
    expect(scheduler.schedule(name, every10s, () => {}).name).toBe(name);
    expect(scheduler.get(name)).toBeDefined();
  });

  it('something that is no trigger, or no function', () => {
    const { scheduler } = testBench();
    for (const trigger of ['* * * * *', undefined, null, every10s.toJSON()]) {
      expect(() => scheduler.schedule('job', trigger as unknown as Trigger, () => {})).toThrow(expect.objectContaining({ code: 'ERR_CRON_SCHEDULE', field: 'trigger' }));
    }
    expect(() => scheduler.schedule('job', every10s, undefined as never)).toThrow(expect.objectContaining({ field: 'handler' }));
  });

  it('a name that is taken', () => {
    const { scheduler } = testBench();
    scheduler.schedule('job', every10s, () => {});
    expect(() => scheduler.schedule('job', every10s, () => {})).toThrow(expect.objectContaining({ code: 'ERR_CRON_SCHEDULE_EXISTS', scheduleName: 'job' }));
  });
});

it.each<[string, SchedulerOptions]>([
  ['concurrency', { concurrency: 0 }],
  ['concurrency', { concurrency: 1.5 }],
  ['defaults', { defaults: [] as never }],
  ['lock', { lock: {} } as never],
  ['options', 'UTC' as never],
])('a scheduler is refused for %s', (field, options) => {
  expect(() => createScheduler(options)).toThrow(expect.objectContaining({ code: 'ERR_CRON_SCHEDULE', field }));
});

it('refuses what it does not know of its operations', async () => {
  const { scheduler } = testBench();
  scheduler.schedule('job', every10s, () => {});
  const refusal = (field: string): unknown => expect.objectContaining({ code: 'ERR_CRON_SCHEDULE', field });
  expect(() => scheduler.pause('job', { untilAt: Number.NaN })).toThrow(refusal('untilAt'));
  expect(() => scheduler.resume('job', { missed: 'all' as never })).toThrow(refusal('missed'));
  await expect(scheduler.remove('job', { runs: 'kill' as never })).rejects.toEqual(refusal('runs'));
  await expect(scheduler.stop({ drainMs: -1 })).rejects.toEqual(refusal('drainMs'));
  await expect(scheduler.stop({ abortMs: Number.NaN })).rejects.toEqual(refusal('abortMs'));
  await expect(scheduler.runUntilStopped({ drainMs: '5s' as never })).rejects.toEqual(refusal('drainMs'));
  expect(scheduler.get('job')).toMatchObject({ paused: undefined });
});

it('takes defaults for what a schedule does not say', async () => {
  const clock = createTestClock();
  const { scheduler, started, skipped } = testBench({ clock, defaults: { paused: false, overlap: 'allow', misfire: { mode: 'all', max: 2 } } });
  scheduler.schedule('as the defaults', every10s, () => {});
  scheduler.schedule('of its own', every10s, () => {}, { misfire: { mode: 'none' } });
  clock.setWall(START + 36_000);
  await clock.advance(10_000);
  expect([started('as the defaults'), skipped('as the defaults')]).toEqual([[20_000, 30_000, 40_000], ['10000-10000 x1 misfire']]);
  expect([started('of its own'), skipped('of its own')]).toEqual([[40_000], ['10000-30000 x3 misfire']]);
});

it('takes the name as the seed of what needs one', () => {
  const { scheduler } = testBench();
  const trigger = cron('H H * * *', { tz: 'UTC' });
  const times = ['a', 'b', 'c', 'd'].map((name) => scheduler.schedule(name, trigger, () => {}).nextAt);
  expect(new Set(times).size).toBe(4);
  expect(testBench().scheduler.schedule('a', trigger, () => {}).nextAt).toBe(times[0]);
});

it('refuses a name that draws a day which never comes, and no other', () => {
  const { scheduler } = testBench();
  const trigger = cron('0 0 H(28-30) 2 *', { tz: 'UTC' });
  const refusals = Array.from({ length: 20 }, (_, at): unknown => {
    try {
      scheduler.schedule(`job-${at}`, trigger, () => {});
      return undefined;
    } catch (error) {
      return error;
    }
  }).filter((refusal) => refusal !== undefined);
  expect(refusals.length).toBeGreaterThan(0);
  for (const refusal of refusals) expect(refusal).toMatchObject({ code: 'ERR_CRON_SCHEDULE', field: 'trigger' });
  expect(scheduler.list()).toHaveLength(20 - refusals.length);
});
