import type { CronTriggerJson, TriggerJson } from '../trigger.ts';

/** The same times as a cron expression; undefined where there is none. */
export declare function cronOf(json: TriggerJson): CronTriggerJson | undefined;
