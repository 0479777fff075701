import { after, cron, createScheduler, date, interval, type ScheduleEvent, type Scheduler, type SchedulerLocks, type ScheduleOptions } from '@staddle/cron';
import { createLocks, type Locks } from '@staddle/lock';
import { memoryLockDriver } from '@staddle/lock/memory';
import { createTestClock, recordingLogger, type TestClock } from '@staddle/testing';
import { describe, expect, it } from 'vitest';
import { heldRuns, MINUTE, SECOND, settle, START, testBench, type HeldRuns } from './test-bench.ts';

const every10s = interval({ every: '10s', anchor: START });

interface Process {
  readonly scheduler: Scheduler;
  readonly locks: Locks;
  readonly events: ScheduleEvent[];
  readonly held: HeldRuns;
}

/** Schedulers that share one store of locks, as processes do. */
function processes(count: number, options: ScheduleOptions = {}, clock: TestClock = createTestClock()): { clock: TestClock; all: Process[] } {
  const driver = memoryLockDriver({ clock });
  const all = Array.from({ length: count }, (): Process => {
    const events: ScheduleEvent[] = [];
    const held = heldRuns();
    const locks = createLocks({ driver, clock });
    const scheduler = createScheduler({ clock, locks, onEvent: (event) => events.push(event) });
    scheduler.schedule('job', every10s, held.handler, options);
    scheduler.startInBackground();
    return { scheduler, locks, events, held };
  });
  return { clock, all };
}

/** Ends what runs, wherever it does. */
async function endAll(all: readonly Process[]): Promise<void> {
  for (const { held } of all) while (held.open.length > 0) held.open[0]!.end();
  await settle();
}

async function close(all: readonly Process[]): Promise<void> {
  for (const { scheduler, locks, held } of all) {
    while (held.open.length > 0) held.open[0]!.end();
    await scheduler.stop();
    await locks.close();
  }
}

const outcomes = ({ events }: Process): string[] =>
  events.flatMap((event) => {
    if (event.type === 'skipped') return [`${(event.fromAt - START) / SECOND} ${event.reason}`];
    return event.type === 'started' ? [`${(event.scheduledAt - START) / SECOND} ran`] : [];
  });

describe('with locks', () => {
  it('each instant runs in one process; the others know that it ran elsewhere', async () => {
    const { clock, all } = processes(3);
    for (let round = 0; round < 5; round++) {
      await clock.advance(10 * SECOND);
      await endAll(all);
    }
    const ran = all.flatMap((each) => outcomes(each).filter((outcome) => outcome.endsWith('ran')));
    expect(ran.toSorted()).toEqual(['10 ran', '20 ran', '30 ran', '40 ran', '50 ran']);
    for (const { scheduler } of all) {
      const { planned, open, succeeded, skipped } = scheduler.get('job')!.counts;
      expect([planned, open, succeeded + skipped.elsewhere]).toEqual([5, 0, 5]);
    }
    await close(all);
  });

  it('skip: an instant does not run in any process while an earlier one still does', async () => {
    const { clock, all } = processes(2);
    await clock.advance(25 * SECOND);
    expect(all.flatMap(outcomes).toSorted()).toEqual(['10 elsewhere', '10 ran', '20 overlap', '20 overlap'].toSorted());
    await endAll(all);
    await clock.advance(5 * SECOND);
    expect(all.flatMap(outcomes).filter((outcome) => outcome === '30 ran')).toHaveLength(1);
    await close(all);
  });

  it('buffer_one: it waits for the run in the other process', async () => {
    const { clock, all } = processes(2, { overlap: 'buffer_one' });
    await clock.advance(25 * SECOND);
    const [first, second] = all[0]!.held.open.length === 1 ? all : all.toReversed();
    expect([first!.held.open.length, second!.held.open.length]).toEqual([1, 0]);
    expect(second!.scheduler.get('job')!.runs).toEqual([{ scheduledAt: START + 20 * SECOND, startedAt: undefined, manual: false, aborted: undefined }]);
    first!.held.open[0]!.end();
    await settle();
    await clock.advance(0);
    expect(second!.held.open[0]!.run.scheduledAt).toBe(START + 20 * SECOND);
    await close(all);
  });

  it('allow: an instant runs beside an earlier one', async () => {
    const { clock, all } = processes(2, { overlap: 'allow' });
    await clock.advance(30 * SECOND);
    expect(all.flatMap((each) => each.held.open)).toHaveLength(3);
    await close(all);
  });

  it('gives the handler a fence that grows', async () => {
    const { clock, all } = processes(1);
    const fences: bigint[] = [];
    for (let round = 0; round < 3; round++) {
      await clock.advance(10 * SECOND);
      fences.push(all[0]!.held.open[0]!.run.fence!);
      await endAll(all);
    }
    expect(fences.toSorted((a, b) => Number(a - b))).toEqual(fences);
    expect(new Set(fences).size).toBe(3);
    await close(all);
  });

  it('tells the handler when its lease is lost, and counts what it did', async () => {
    const { clock, all } = processes(1);
    const [{ scheduler, locks, held, events }] = all as [Process];
    await clock.advance(10 * SECOND);
    await locks.forceRelease('job');
    await clock.advance(12 * SECOND);
    expect(held.open[0]!.run.signal.reason).toMatchObject({ code: 'ERR_LOCK_LOST' });
    expect(scheduler.get('job')!.runs[0]!.aborted).toBe('lost');
    await endAll(all);
    expect(events.map(({ type }) => type)).toEqual(['started', 'aborted', 'skipped', 'succeeded']);
    await close(all);
  });

  it('a handler that fails has failed, and its instant has had its run', async () => {
    const { clock, all } = processes(2);
    await clock.advance(10 * SECOND);
    for (const { held } of all) held.open[0]?.fail(new Error('broken'));
    await settle();
    const types = all.flatMap(({ events }) => events.map(({ type }) => type));
    expect(types.toSorted()).toEqual(['failed', 'skipped', 'started']);
    await close(all);
  });

  it('a process that is late does not run again what has run', async () => {
    const { clock, all } = processes(1);
    await clock.advance(10 * SECOND);
    await endAll(all);
    // Its wall clock is behind by as much as it is late.
    const behind = { now: () => clock.now() - 9 * SECOND, monotonic: clock.monotonic, setTimer: clock.setTimer };
    const { scheduler, events, skipped } = testBench({ clock: behind, locks: all[0]!.locks });
    scheduler.schedule('job', every10s, () => {});
    await clock.advance(9_500);
    expect(skipped()).toEqual(['10000-10000 x1 elsewhere']);
    expect(events.filter(({ type }) => type === 'started')).toEqual([]);
    await scheduler.stop();
    await close(all);
  });

  it('processes whose clocks differ by a minute run each instant once', async () => {
    const clock = createTestClock();
    const driver = memoryLockDriver({ clock });
    const ran: number[] = [];
    const benches = [-30, 0, 30].map((seconds) => {
      const locks = createLocks({ driver, clock });
      const bench = testBench({ clock: { now: () => clock.now() + seconds * SECOND, monotonic: clock.monotonic, setTimer: clock.setTimer }, locks });
      bench.scheduler.schedule('job', every10s, ({ scheduledAt }) => ran.push((scheduledAt - START) / SECOND));
      return { ...bench, locks };
    });
    await clock.advance(2 * MINUTE);
    const instants = [...new Set(benches.flatMap(({ events }) => events.flatMap((event) => (event.type === 'skipped' || event.type === 'started' ? [event] : []))).map((event) => ((event.type === 'skipped' ? event.fromAt : event.scheduledAt) - START) / SECOND))];
    expect(ran.toSorted((a, b) => a - b)).toEqual(instants.toSorted((a, b) => a - b));
    expect(new Set(benches.flatMap(({ events }) => events.flatMap((event) => (event.type === 'skipped' ? [event.reason] : []))))).toEqual(new Set(['elsewhere']));
    for (const { scheduler, locks } of benches) {
      await scheduler.stop();
      await locks.close();
    }
  });

  it.each<[string, ScheduleOptions]>([
    ['misfire window', { misfire: { windowMs: 0 } }],
    ['lease', { lock: { ttlMs: 500_000_000 } }],
  ])('an instant is remembered for long enough, whatever the %s', async (_, options) => {
    const { clock, all } = processes(1, options);
    await clock.advance(10 * SECOND);
    expect(outcomes(all[0]!)).toEqual(['10 ran']);
    await close(all);
  });

  it('runNow runs here, whatever has run, under the policy of all processes', async () => {
    const { clock, all } = processes(2);
    await clock.advance(10 * SECOND);
    const idle = all.find(({ held }) => held.open.length === 0)!;
    expect(await idle.scheduler.runNow('job')).toBe(false);
    await endAll(all);
    const manual = idle.scheduler.runNow('job');
    await settle();
    expect(idle.held.open[0]!.run).toMatchObject({ manual: true, scheduledAt: START + 10 * SECOND });
    expect(idle.held.open[0]!.run.fence).toBeTypeOf('bigint');
    await endAll(all);
    expect(await manual).toBe(true);
    await close(all);
  });
});

describe('locks that cannot be asked', () => {
  const failing: SchedulerLocks = { runOnce: () => Promise.reject(Object.assign(new Error('no store'), { code: 'ERR_LOCK_UNAVAILABLE' })) };

  it('skip the instant, and say so', async () => {
    const { clock, scheduler, skipped, logger } = testBench({ locks: failing });
    scheduler.schedule('job', every10s, () => {});
    await clock.advance(20 * SECOND);
    expect(skipped()).toEqual(['10000-10000 x1 unavailable', '20000-20000 x1 unavailable']);
    expect(logger.lines[0]).toMatchObject({ level: 'warn', fields: { schedule: 'job', scheduledAt: START + 10 * SECOND, err: { code: 'ERR_LOCK_UNAVAILABLE' } } });
  });

  it('also when they throw instead of rejecting', async () => {
    const { clock, scheduler, skipped } = testBench({
      locks: {
        runOnce: () => {
          throw new Error('closed');
        },
      },
    });
    scheduler.schedule('job', every10s, () => {});
    await clock.advance(10 * SECOND);
    expect(skipped()).toEqual(['10000-10000 x1 unavailable']);
  });

  it('after the run do not undo it', async () => {
    const locks: SchedulerLocks = {
      async runOnce(_job, _at, work) {
        await work({ fence: 1n, signal: new AbortController().signal });
        throw new Error('the lease was not given back');
      },
    };
    const { clock, scheduler, events, logger } = testBench({ locks });
    scheduler.schedule('job', every10s, () => {});
    await clock.advance(10 * SECOND);
    expect(events.map(({ type }) => type)).toEqual(['started', 'succeeded']);
    expect(logger.lines).toMatchObject([{ level: 'warn', message: 'the lease of a scheduled run was lost, or not given back' }]);
  });

  it('begin nothing by an answer that comes after they have given up', async () => {
    const grants: (() => Promise<unknown>)[] = [];
    const late: SchedulerLocks = {
      runOnce: (_job, _at, work) => {
        grants.push(() => work({ fence: 1n, signal: new AbortController().signal }));
        return Promise.reject(new Error('no answer'));
      },
    };
    const { clock, scheduler, started, skipped } = testBench({ locks: late });
    scheduler.schedule('job', every10s, () => {});
    await clock.advance(10 * SECOND);
    await grants[0]!();
    expect([started(), skipped()]).toEqual([[], ['10000-10000 x1 unavailable']]);
  });

  it('are given up when the scheduler stops, or its schedule is paused', async () => {
    const waiting: SchedulerLocks = { runOnce: (_job, _at, _work, { signal }) => new Promise((_, reject) => signal!.addEventListener('abort', () => reject(signal!.reason as Error))) };
    const { clock, scheduler, skipped } = testBench({ locks: waiting });
    scheduler.schedule('paused', every10s, () => {});
    scheduler.schedule('job', every10s, () => {});
    await clock.advance(10 * SECOND);
    scheduler.pause('paused');
    await scheduler.stop();
    expect([skipped('paused'), skipped('job')]).toEqual([['10000-10000 x1 paused'], ['10000-10000 x1 cancelled']]);
  });

  it('run what they had granted when the scheduler stopped, because no other process will', async () => {
    const answer = Promise.withResolvers<void>();
    const slow: SchedulerLocks = {
      async runOnce(_job, _at, work) {
        await answer.promise;
        return { ran: true, value: await work({ fence: 1n, signal: new AbortController().signal }) };
      },
    };
    const { clock, scheduler, events } = testBench({ locks: slow });
    scheduler.schedule('job', every10s, () => {});
    await clock.advance(10 * SECOND);
    const stopped = scheduler.stop();
    answer.resolve();
    await stopped;
    expect(events.map(({ type }) => type)).toEqual(['started', 'succeeded']);
  });
});

it('remove waits for a run that stood by and is granted meanwhile', async () => {
  const held = heldRuns();
  const answers = [Promise.resolve(false), Promise.withResolvers<boolean>()] as const;
  let asked = 0;
  const locks: SchedulerLocks = {
    async runOnce(_job, _at, work) {
      const granted = await (asked++ === 0 ? answers[0] : answers[1].promise);
      return granted ? { ran: true, value: await work({ fence: 1n, signal: new AbortController().signal }) } : { ran: false, reason: 'claimed' };
    },
  };
  const { clock, scheduler, events } = testBench({ locks });
  scheduler.schedule('job', every10s, held.handler, { lock: { ttlMs: 1_000, onCrash: 'retry' } });
  await clock.advance(11 * SECOND);
  expect(asked).toBe(2);
  let removed = false;
  const removal = scheduler.remove('job').then(() => (removed = true));
  answers[1].resolve(true);
  await settle();
  expect([held.open.length, removed]).toEqual([1, false]);
  held.open[0]!.end();
  await removal;
  expect(events.map(({ type }) => type)).toEqual(['started', 'succeeded']);
  await scheduler.stop();
});

describe('with locks, what would not be one run for all processes is refused:', () => {
  const { scheduler } = testBench({ locks: { runOnce: () => Promise.reject(new Error('not asked')) } });
  it.each([
    ['a fixed delay', 'trigger', interval({ every: '10s', mode: 'delay', anchor: START }), {}],
    ['an interval without anchor', 'trigger', interval({ every: '10s' }), {}],
    ['a delay', 'trigger', after({ delay: '10s' }), {}],
    ['a count without start', 'trigger', cron('* * * * *', { tz: 'UTC', maxRuns: 3 }), {}],
    ['cancel_other', 'overlap', every10s, { overlap: 'cancel_other' }],
    ['a memory shorter than the misfire window', 'lock.keepMs', every10s, { lock: { keepMs: 3_599_999 } }],
    ['a memory no longer than the lease', 'lock.keepMs', every10s, { lock: { ttlMs: 7_200_000, keepMs: 7_200_000 } }],
    ['a memory of a date shorter than its misfire window', 'lock.keepMs', date({ at: START + MINUTE }), { lock: { keepMs: 86_399_999 } }],
  ] as const)('%s', (_, field, trigger, options) => {
    expect(() => scheduler.schedule('job', trigger, () => {}, options)).toThrow(expect.objectContaining({ code: 'ERR_CRON_SCHEDULE', field }));
  });

  it('but not what only takes its seed from the name', () => {
    expect(scheduler.schedule('spread', cron('H * * * *', { tz: 'UTC', jitter: '10s' }), () => {}).nextAt).toBeDefined();
    expect(scheduler.schedule('date', date({ at: START + MINUTE }), () => {}).nextAt).toBe(START + MINUTE);
  });
});

it('does not take the lock of a run for held by what that run adds', async () => {
  const clock = createTestClock();
  const locks = createLocks({ driver: memoryLockDriver({ clock }), clock });
  const logger = recordingLogger();
  const { scheduler, started, skipped } = testBench({ clock, locks, logger });
  let added = false;
  scheduler.schedule('job', every10s, () => {
    // The timer of the scheduler is set anew here, inside of the lock.
    if (!added) scheduler.schedule('other', date({ at: START + 15 * SECOND }), () => {});
    added = true;
  });
  await clock.advance(40 * SECOND);
  expect(started('job')).toEqual([10, 20, 30, 40].map((seconds) => seconds * SECOND));
  expect(skipped()).toEqual([]);
  await scheduler.stop();
  await locks.close();
});
