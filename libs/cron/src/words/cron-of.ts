import type { CronTriggerJson, TriggerJson } from '../trigger.ts';

/** The same times as a cron expression; undefined where there is none. */
export function cronOf(json: TriggerJson): CronTriggerJson | undefined {
  return json.kind === 'cron' ? json : undefined;
}
