export { createSchedulerService, type SchedulerServiceOptions } from './app.ts';
export { schedulerSchema, SIBLINGS, type SchedulerConfig } from './config.ts';
export { HttpDeadlineError, HttpStatusError, PushFailedError, TargetRefusedError, type SchedulerErrorCode } from './errors.ts';
export { VERSION } from './version.ts';
