import type { Trigger } from '../trigger.ts';
import type { CronHandler, ScheduleOptions } from './schedule.ts';

/** A schedule declared in code: what a `*.cron.ts` file exports. */
export interface CronDefinition extends ScheduleOptions {
  readonly name: string;
  readonly trigger: Trigger;
  readonly handler: CronHandler;
  /** For people and manifests. */
  readonly description?: string | undefined;
}

/**
 * Declares a schedule, to be exported from a `*.cron.ts` file and found by `scanCrons`.
 * @throws InvalidScheduleError (`ERR_CRON_SCHEDULE`)
 */
export declare function defineCron(definition: CronDefinition): CronDefinition;
