import type { Trigger } from '../trigger.ts';
import type { Queued } from './due-queue.ts';
import type { Run } from './run.ts';
import type { CronHandler, MisfirePolicy, RunInfo, ScheduleCounts, ScheduleInfo, SkipReason } from './schedule.ts';
import type { ScheduleSettings } from './settings.ts';

/**
 * A schedule as the scheduler keeps it. A process may hold a million, so what most of them do not need yet (counts, runs, a pause)
 * is in `activity`, which exists from the first event on.
 */
export class ScheduleRecord implements Queued {
  position = -1;
  readonly order: number;
  readonly name: string;
  trigger: Trigger;
  readonly handler: CronHandler;
  readonly settings: ScheduleSettings;
  /** The first instant that has not been dealt with; undefined when none is left, or until a fixed delay begins. */
  nextAt: number | undefined;
  activity: Activity | undefined;

  constructor(order: number, name: string, trigger: Trigger, handler: CronHandler, settings: ScheduleSettings, nextAt: number | undefined) {
    this.order = order;
    this.name = name;
    this.trigger = trigger;
    this.handler = handler;
    this.settings = settings;
    this.nextAt = nextAt;
    this.activity = undefined;
  }

  get misfire(): MisfirePolicy {
    return this.trigger.kind === 'date' ? this.settings.dateMisfire : this.settings.misfire;
  }

  get active(): Activity {
    return (this.activity ??= new Activity());
  }

  get hasRuns(): boolean {
    return this.activity?.running !== undefined || this.activity?.buffered !== undefined;
  }

  info(stopped: boolean): ScheduleInfo {
    const { activity } = this;
    const runs = [...(activity?.running ?? []), ...(activity?.buffered ?? [])];
    return {
      name: this.name,
      trigger: this.trigger,
      nextAt: stopped || activity?.paused ? undefined : this.nextAt,
      paused: activity?.paused,
      runs: runs.map((run): RunInfo => ({ scheduledAt: run.scheduledAt, startedAt: run.startedAt, manual: run.manual, aborted: run.aborted })),
      counts: countsOf(activity?.ledger ?? NOTHING),
      lastRun: activity?.lastRun,
    };
  }
}

export class Activity {
  readonly ledger: Ledger = new Ledger();
  /** Running, or waiting for a place or a lock; undefined instead of empty. */
  running: Set<Run> | undefined = undefined;
  /** Waiting for those to end, oldest first; undefined instead of empty. */
  buffered: Set<Run> | undefined = undefined;
  /** Run by another process, which may die of them. */
  standingBy: Set<Run> | undefined = undefined;
  lastRun: ScheduleInfo['lastRun'] = undefined;
  paused: ScheduleInfo['paused'] = undefined;
  /** The last instant that was dealt with: no earlier one follows, whatever the clock and a new trigger say. */
  lastAt: number = -Infinity;
  removed = false;
}

/** What became of the instants: `planned` is the sum of all others but `manual`, at any moment. */
export class Ledger {
  planned = 0;
  open = 0;
  succeeded = 0;
  failed = 0;
  manual = 0;
  skipped: Record<SkipReason, number> | undefined = undefined;

  skip(reason: SkipReason, count: number): void {
    this.skipped ??= noSkips();
    this.skipped[reason] += count;
  }
}

const NOTHING = new Ledger();

function noSkips(): Record<SkipReason, number> {
  return { overlap: 0, misfire: 0, paused: 0, elsewhere: 0, unavailable: 0, cancelled: 0 };
}

function countsOf({ planned, open, succeeded, failed, manual, skipped }: Ledger): ScheduleCounts {
  return { planned, open, succeeded, failed, skipped: { ...(skipped ?? noSkips()) }, manual };
}
