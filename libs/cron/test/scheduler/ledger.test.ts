import type { Clock } from '@staddle/kernel';
import { createTestClock, type TestClock } from '@staddle/testing';
import { createScheduler, cron, interval, type OverlapPolicy, type ScheduleEvent, type Scheduler, type Trigger } from '@staddle/cron';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { heldRuns, HOUR, MINUTE, SECOND, settle, START, type HeldRuns } from './test-bench.ts';

/*
 * Whatever happens to a scheduler, every instant of a trigger between the adding and the end of its schedule is in its events once,
 * and the counts add up. The oracle knows the trigger, when the schedule was added, and nothing else.
 */

const TRIGGERS: readonly Trigger[] = [
  interval({ every: '7s', anchor: START }),
  interval({ every: '1s', anchor: START + 300 }),
  interval({ every: '20s', anchor: START, jitter: '50s' }),
  cron('*/10 * * * * *', { tz: 'UTC' }),
  cron('* * * * *', { tz: 'UTC', endAt: '2026-01-01T00:20:00' }),
  cron('*/3 * * * *', { tz: 'Europe/Paris', jitter: '1m' }),
  interval({ every: '13s', mode: 'delay' }),
  interval({ every: '5s', mode: 'delay', endAt: START + 60_000 }),
];
const OVERLAPS: readonly OverlapPolicy[] = ['skip', 'buffer_one', 'buffer_all', 'cancel_other', 'allow'];
const HANDLERS = ['quick', 'throws', 'rejects', 'held', 'obedient'] as const;
const NAMES = ['a', 'b', 'c'];

type Step =
  | { readonly do: 'add'; readonly name: string; readonly trigger: number; readonly overlap: OverlapPolicy; readonly handler: (typeof HANDLERS)[number]; readonly mode: 'latest' | 'earliest' | 'all' | 'none'; readonly paused: boolean }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'block'; readonly ms: number }
  | { readonly do: 'jump'; readonly ms: number }
  | { readonly do: 'pause'; readonly name: string; readonly forMs: number | undefined }
  | { readonly do: 'resume'; readonly name: string; readonly missed: 'skip' | 'run' }
  | { readonly do: 'reschedule'; readonly name: string; readonly trigger: number }
  | { readonly do: 'remove'; readonly name: string; readonly runs: 'finish' | 'abort' }
  | { readonly do: 'runNow'; readonly name: string }
  | { readonly do: 'end'; readonly fail: boolean }
  | { readonly do: 'stop' };

const anyName = fc.constantFrom(...NAMES);
const anyTrigger = fc.nat({ max: TRIGGERS.length - 1 });
// Meets instants to the millisecond, or just before them.
const exact = fc.constantFrom(0, 1, 999, SECOND, 6_998, 7 * SECOND, 9_997, 10 * SECOND, 20 * SECOND, MINUTE);
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant('add' as const), name: anyName, trigger: anyTrigger, overlap: fc.constantFrom(...OVERLAPS), handler: fc.constantFrom(...HANDLERS), mode: fc.constantFrom('latest', 'earliest', 'all', 'none'), paused: fc.boolean() }) },
    { weight: 8, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.oneof(fc.integer({ min: 0, max: 2 * MINUTE }), exact) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('block' as const), ms: fc.oneof(exact, fc.integer({ min: 1, max: 5 * MINUTE })) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('jump' as const), ms: fc.oneof(exact, fc.integer({ min: -10 * MINUTE, max: 2 * HOUR })) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('pause' as const), name: anyName, forMs: fc.option(fc.integer({ min: 0, max: 3 * MINUTE }), { nil: undefined }) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('resume' as const), name: anyName, missed: fc.constantFrom('skip' as const, 'run' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('reschedule' as const), name: anyName, trigger: anyTrigger }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), name: anyName, runs: fc.constantFrom('finish' as const, 'abort' as const) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('runNow' as const), name: anyName }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant('end' as const), fail: fc.boolean() }) },
    { weight: 1, arbitrary: fc.constant({ do: 'stop' as const }) },
  ),
  { minLength: 5, maxLength: 40 },
);

/** One schedule from its adding to its end: what it should have planned, and what the events say. */
class Life {
  readonly name: string;
  readonly fixedDelay: boolean;
  /** What its triggers name. */
  readonly expected: number[] = [];
  readonly started: { readonly scheduledAt: number; readonly startedAt: number }[] = [];
  readonly ended: number[] = [];
  readonly skipped: { readonly fromAt: number; readonly toAt: number; readonly count: number }[] = [];
  over = false;
  dealtWith = -Infinity;
  trigger: Trigger;
  from: number;

  constructor(name: string, trigger: Trigger, from: number) {
    this.name = name;
    this.trigger = trigger;
    this.from = from;
    this.fixedDelay = trigger.fixedDelayMs !== undefined;
  }

  /** Walks the trigger up to an instant, included, and to what ran before a clock was set back. */
  expectUntil(nowMs: number): void {
    const atMs = Math.max(nowMs, this.dealtWith);
    for (let at = this.trigger.next(this.from); at !== undefined && at <= atMs; at = this.trigger.next(at)) {
      this.expected.push(at);
      this.from = at;
    }
  }
}

class World {
  readonly clock: TestClock = createTestClock();
  readonly held: HeldRuns = heldRuns();
  readonly scheduler: Scheduler;
  readonly lives = new Map<string, Life>();
  /** Both clocks went on so far while no timer fired, as when the event loop is blocked. */
  stoodStillMs = 0;
  /** How far the wall clock was set back in all. A run that was due before, and waited, may begin before its instant by the clock of then. */
  setBackMs = 0;
  stopped = false;
  stoppedAt: number | undefined;

  constructor(concurrency: number) {
    const clock: Clock = {
      now: () => this.now(),
      monotonic: () => this.clock.monotonic() + this.stoodStillMs,
      setTimer: (callback, delayMs) => this.clock.setTimer(callback, delayMs),
    };
    this.scheduler = createScheduler({ clock, concurrency, onEvent: (event) => this.hear(event) });
    this.scheduler.startInBackground();
  }

  now(): number {
    return this.clock.now() + this.stoodStillMs;
  }

  hear(event: ScheduleEvent): void {
    if (event.type === 'clock-jump') return;
    const life = this.lives.get(event.name)!;
    if (event.type === 'finished') {
      life.expectUntil(Infinity);
      life.over = true;
    }
    if (event.type === 'skipped') life.skipped.push(event);
    if (event.type === 'started' && !event.manual) life.started.push(event);
    life.dealtWith = Math.max(life.dealtWith, event.type === 'skipped' ? event.toAt : event.type === 'started' && !event.manual ? event.scheduledAt : -Infinity);
    if ((event.type === 'succeeded' || event.type === 'failed') && !event.manual) life.ended.push(event.scheduledAt);
  }

  /** What a schedule that is added now begins with; undefined when no time is left. */
  resolved(index: number, seed: string, after: number): Trigger | undefined {
    try {
      const resolved = TRIGGERS[index]!.resolve(this.now(), { seed });
      return resolved.next(after) === undefined ? undefined : resolved;
    } catch {
      return undefined; // its end has passed
    }
  }

  async take(step: Step): Promise<void> {
    const { clock, scheduler } = this;
    const now = this.now();
    if (step.do === 'add') {
      if (this.stopped || this.lifeOf(step.name)) return;
      // A name of its own, so that what a removed schedule still says is not taken for the next one's.
      const unique = `${step.name}${this.lives.size}`;
      const resolved = this.resolved(step.trigger, unique, now);
      if (resolved === undefined) return;
      this.lives.set(unique, new Life(unique, resolved, now));
      scheduler.schedule(unique, TRIGGERS[step.trigger]!, this.handler(step.handler), { overlap: step.overlap, misfire: { mode: step.mode, windowMs: 20 * MINUTE, max: 3 }, paused: step.paused });
    } else if (step.do === 'advance') {
      await clock.advance(step.ms);
    } else if (step.do === 'block') {
      this.stoodStillMs += step.ms;
    } else if (step.do === 'jump') {
      clock.setWall(clock.now() + step.ms);
      this.setBackMs += Math.max(0, -step.ms);
    } else if (step.do === 'end') {
      const [run] = this.held.open;
      if (step.fail) run?.fail('failed');
      else run?.end();
      await settle();
    } else if (step.do === 'stop') {
      this.stopped = true;
      this.stoppedAt ??= now;
      void scheduler.stop();
    } else if (!this.stopped) {
      const life = this.lifeOf(step.name);
      if (life === undefined) return;
      const { name: unique } = life;
      if (step.do === 'pause') scheduler.pause(unique, { untilAt: step.forMs === undefined ? undefined : now + step.forMs });
      if (step.do === 'resume') scheduler.resume(unique, { missed: step.missed });
      if (step.do === 'runNow') void scheduler.runNow(unique);
      if (step.do === 'remove') {
        void scheduler.remove(unique, { runs: step.runs });
        life.expectUntil(now);
        life.over = true;
      }
      if (step.do === 'reschedule') {
        const dealtWith = Math.max(now, life.dealtWith);
        const resolved = this.resolved(step.trigger, unique, dealtWith);
        if (resolved === undefined || (resolved.fixedDelayMs !== undefined) !== life.fixedDelay) return;
        scheduler.reschedule(unique, TRIGGERS[step.trigger]!);
        life.expectUntil(now);
        life.trigger = resolved;
        life.from = dealtWith;
      }
    }
  }

  lifeOf(slot: string): Life | undefined {
    return [...this.lives.values()].find((life) => !life.over && life.name.startsWith(slot));
  }

  handler(kind: (typeof HANDLERS)[number]): (run: { readonly signal: AbortSignal }) => unknown {
    switch (kind) {
      case 'quick':
        return () => {};
      case 'throws':
        return () => {
          throw 'not an error';
        };
      case 'rejects':
        return () => Promise.reject(new Error('rejected'));
      case 'held':
        return this.held.handler as never;
      case 'obedient':
        return ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }));
    }
  }
}

/** The invariants that hold at any moment. */
function checkCounts({ scheduler, lives }: World): void {
  for (const { name: of, counts } of scheduler.list()) {
    const { planned, open, succeeded, failed } = counts;
    const skipped = Object.values(counts.skipped).reduce((sum, count) => sum + count, 0);
    const life = lives.get(of)!;
    expect(planned, `planned of ${of}`).toBe(open + succeeded + failed + skipped);
    expect(succeeded + failed, `ended runs of ${of}`).toBe(life.ended.length);
    expect(skipped, `skips of ${of}`).toBe(life.skipped.reduce((sum, { count }) => sum + count, 0));
  }
}

function checkLife({ name: of, trigger: last, started, skipped, expected, fixedDelay, ended }: Life, setBackMs: number): void {
  const starts = started.map(({ scheduledAt }) => scheduledAt);
  expect(starts.toSorted((a, b) => a - b), `starts of ${of} increase`).toEqual(starts);
  expect(new Set(starts).size, `starts of ${of} are distinct`).toBe(starts.length);
  for (const { scheduledAt, startedAt } of started) expect(startedAt, `${of} at ${scheduledAt - START}`).toBeGreaterThanOrEqual(scheduledAt - setBackMs);
  expect(new Set(ended).size).toBe(ended.length);
  if (fixedDelay || last.kind === 'date') return;
  // Ranges hold consecutive instants of the trigger, so they are told by the members in between.
  const accounted = new Map<number, number>();
  const add = (at: number): void => void accounted.set(at, (accounted.get(at) ?? 0) + 1);
  for (const at of starts) add(at);
  for (const { fromAt, toAt, count } of skipped) {
    const inside = expected.filter((at) => at >= fromAt && at <= toAt);
    expect(inside.length, `skipped range ${fromAt - START}-${toAt - START} of ${of}`).toBe(count);
    inside.forEach(add);
  }
  const waits = expected.filter((at) => !accounted.has(at));
  expect(waits, `lost instants of ${of}`).toEqual([]);
  expect([...accounted.values()].every((times) => times === 1), `no instant of ${of} twice`).toBe(true);
  expect([...accounted.keys()].every((at) => expected.includes(at)), `no instant of ${of} that is none`).toBe(true);
}

it('accounts for every instant once, whatever happens', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.constantFrom(1, 2, Infinity), async (taken, concurrency) => {
      const world = new World(concurrency);
      for (const step of taken) {
        await world.take(step);
        checkCounts(world);
      }
      // The end: whatever still waits is skipped, whatever runs is let go.
      const now = world.stoppedAt ?? world.now();
      const stopped = world.scheduler.stop();
      while (world.held.open.length > 0) {
        world.held.open[0]!.end();
        await settle();
      }
      await world.scheduler.stop({ drainMs: 0 });
      await stopped;
      checkCounts(world);
      for (const life of world.lives.values()) {
        if (!life.over) life.expectUntil(now);
        checkLife(life, world.setBackMs);
      }
      expect(world.clock.pendingTimers).toBe(0);
    }),
    { numRuns: 500 },
  );
});
