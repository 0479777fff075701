import { createScheduler, type ScheduleEvent, type Scheduler, type SchedulerOptions, type Trigger } from '@staddle/cron';
import { expect } from 'vitest';

/** A scheduler whose runs and skips are written down. */
export interface Witness {
  readonly scheduler: Scheduler;
  readonly events: ScheduleEvent[];
  /** Scheduled instants, in the order in which they began. */
  ran(name: string): number[];
  /** Every instant that was skipped, in order. */
  skipped(name: string, trigger: Trigger): number[];
  /** `FROM TO xCOUNT REASON`. */
  ranges(name: string): string[];
}

export function watch(options: SchedulerOptions): Witness {
  const events: ScheduleEvent[] = [];
  const scheduler = createScheduler({ ...options, onEvent: (event) => events.push(event) });
  const skips = (name: string) => events.flatMap((event) => (event.type === 'skipped' && event.name === name ? [event] : []));
  return {
    scheduler,
    events,
    ran: (name) => events.flatMap((event) => (event.type === 'started' && event.name === name ? [event.scheduledAt] : [])),
    skipped: (name, trigger) => skips(name).flatMap(({ fromAt, toAt }) => trigger.between(fromAt, toAt + 1, 100_000)),
    ranges: (name) => skips(name).map(({ fromAt, toAt, count, reason }) => `${iso(fromAt)} ${iso(toAt)} x${count} ${reason}`),
  };
}

/** Every instant of the trigger, from the first one after `fromAt`, ran once or was skipped once. */
export function expectWhole({ ran, skipped }: Witness, name: string, trigger: Trigger, fromAt: number): void {
  const all = [...ran(name), ...skipped(name, trigger)].toSorted((a, b) => a - b);
  expect(all, name).toEqual(trigger.between(fromAt + 1, all.at(-1)! + 1, 100_000));
}

export function iso(at: number): string {
  return new Date(at).toISOString().replace(/:00\.000Z$/, 'Z');
}
