export { cron, type CronOptions } from './triggers/cron-trigger.ts';
export { after, date, type AfterOptions, type DateOptions } from './triggers/date-trigger.ts';
export {
  CronSyntaxError,
  InvalidInstantError,
  TriggerSyntaxError,
  TriggerUnresolvedError,
  type CronErrorCode,
  type CronFault,
  type CronPart,
} from './errors.ts';
export { interval, type IntervalOptions } from './triggers/interval-trigger.ts';
export { parseTrigger } from './trigger-json.ts';
export {
  type AfterTriggerJson,
  type CronTriggerJson,
  type DateTriggerJson,
  type IntervalTriggerJson,
  type Trigger,
  type TriggerJson,
  type TriggerKind,
} from './trigger.ts';
