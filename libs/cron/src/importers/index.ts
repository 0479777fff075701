export { type ApschedulerVersion } from './apscheduler-cron.ts';
export { fromApscheduler, type ApschedulerOptions } from './apscheduler.ts';
export { fromBullmq, type BullmqOptions } from './bullmq.ts';
export { fromCelery, fromCeleryBeat, type CeleryEntry, type CeleryOptions } from './celery.ts';
export { fromCrontab, type CrontabEntry, type CrontabOptions, type ImportedCrontab } from './crontab.ts';
export { type Imported, type ImportNote, type ImportRule } from './imported.ts';
export { fromKubernetes, type KubernetesOptions } from './kubernetes.ts';
export { fromQuartz, type QuartzOptions } from './quartz.ts';
