export {
  CronDeclarationError,
  CronImportError,
  CronSyntaxError,
  InvalidInstantError,
  InvalidScheduleError,
  RunCancelledError,
  RunTimeoutError,
  ScheduleExistsError,
  ScheduleNotFoundError,
  SchedulerStoppedError,
  TriggerSyntaxError,
  TriggerTooSparseError,
  TriggerUnresolvedError,
  type CronErrorCode,
  type CronFault,
  type CronPart,
} from './errors.ts';
export { parseTrigger, type ParseTriggerOptions } from './trigger-json.ts';
export {
  type AfterTriggerJson,
  type AndTriggerJson,
  type CalendarTriggerJson,
  type CronTriggerJson,
  type DateTriggerJson,
  type DstPolicy,
  type IntervalTriggerJson,
  type Language,
  type LimitsJson,
  type OrTriggerJson,
  type ResolveOptions,
  type Trigger,
  type TriggerJson,
  type TriggerKind,
} from './trigger.ts';
export { calendar, type CalendarOptions } from './triggers/calendar-trigger.ts';
export { and, or, type AndOptions } from './triggers/combined-trigger.ts';
export { cron, type CronOptions } from './triggers/cron-trigger.ts';
export { after, date, type AfterOptions, type DateOptions } from './triggers/date-trigger.ts';
export { holidayCalendar, type HolidayCalendar, type HolidayCalendarOptions } from './triggers/holiday-calendar.ts';
export { interval, type IntervalOptions } from './triggers/interval-trigger.ts';
export { type LimitOptions } from './triggers/limits.ts';
export { type InstantInput } from './triggers/trigger-options.ts';
export {
  type CronHandler,
  type CronRun,
  type MisfirePolicy,
  type OverlapPolicy,
  type RunInfo,
  type ScheduleCounts,
  type ScheduleEvent,
  type ScheduleInfo,
  type ScheduleLockOptions,
  type ScheduleOptions,
  type SkipReason,
} from './scheduler/schedule.ts';
export {
  createScheduler,
  type PauseOptions,
  type RemoveOptions,
  type ResumeOptions,
  type Scheduler,
  type SchedulerLocks,
  type SchedulerOptions,
  type StopOptions,
} from './scheduler/scheduler.ts';
export { diffManifests, type CronManifest, type CronManifestEntry, type ManifestDiff } from './scheduler/cron-manifest.ts';
export { defineCron, type CronDefinition } from './scheduler/define-cron.ts';
export { scanCrons, type ScanCronsOptions, type ScannedCrons } from './scheduler/scan-crons.ts';
export { explain, type ExplainedTime, type ExplainExpressionOptions, type ExplainOptions, type ExplainTriggerOptions, type Explanation } from './words/explain.ts';
export { lintTrigger, type LintOptions, type LintRule, type LintWarning } from './words/lint.ts';
