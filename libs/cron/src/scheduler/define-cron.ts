import type { Trigger } from '../trigger.ts';
import { InvalidScheduleError } from '../errors.ts';
import type { CronHandler, ScheduleOptions } from './schedule.ts';
import { checkHandler, checkName, checkScheduleOptions, checkTrigger } from './settings.ts';

/** A schedule declared in code: what a `*.cron.ts` file exports, and `scheduler.add` takes. */
export interface CronDefinition extends ScheduleOptions {
  readonly name: string;
  readonly trigger: Trigger;
  readonly handler: CronHandler;
  /** For people and manifests. */
  readonly description?: string | undefined;
}

// In the registry of the process, so that two installed copies of this package know each other's definitions.
const DEFINITION: unique symbol = Symbol.for('staddle.cron.definition');

/**
 * Declares a schedule, to be exported from a `*.cron.ts` file and found by `scanCrons`.
 * @throws InvalidScheduleError (`ERR_CRON_SCHEDULE`)
 */
export function defineCron(definition: CronDefinition): CronDefinition {
  if (typeof definition !== 'object' || definition === null) throw new InvalidScheduleError('definition', definition, 'is not an object');
  const { name, trigger, handler, description, ...options } = definition;
  checkName(name);
  checkTrigger(trigger);
  checkHandler(handler);
  if (description !== undefined && typeof description !== 'string') throw new InvalidScheduleError('description', description, 'is not text');
  checkScheduleOptions(options);
  // Of what was checked: a getter may give something else when it is asked again.
  const checked = { name, trigger, handler, ...(description !== undefined && { description }), ...options };
  return Object.freeze(Object.defineProperty(checked, DEFINITION, { value: true }));
}

/** Whether a value comes from {@link defineCron}, of whatever copy of this package. */
export function isCronDefinition(value: unknown): value is CronDefinition {
  return typeof value === 'object' && value !== null && DEFINITION in value;
}
