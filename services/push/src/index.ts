export { createPushService, type PushService, type PushServiceOptions } from './app.ts';
export { pushSchema, SIBLINGS, type PushConfig } from './config.ts';
export { UpgradeRequiredError, type PushServiceErrorCode } from './errors.ts';
export { VERSION } from './version.ts';
