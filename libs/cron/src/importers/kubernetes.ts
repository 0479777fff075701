import type { OverlapPolicy, ScheduleOptions } from '../scheduler/schedule.ts';
import { cron } from '../triggers/cron-trigger.ts';
import { interval } from '../triggers/interval-trigger.ts';
import { tryParseDateTime } from '../zone/local-time.ts';
import { DAYS, HOURS, MINUTES, MONTH_NAMES, MONTHS, readItem, WEEKDAY_NAMES, WEEKDAYS, writeCron, writeValues, type ItemRules } from './cron-text.ts';
import { Importing, type Imported } from './imported.ts';

export interface KubernetesOptions {
  /** The zone of kube-controller-manager, for objects without `spec.timeZone`. */
  readonly tz?: string | undefined;
}

// After kubernetes pkg/controller/cronjob (v2 controller) and robfig/cron v3.0.1, which it uses; times compared with those of robfig/cron.
const CLOCKS =
  'robfig/cron does not run what clocks skip and runs twice what they repeat, and so does this trigger; but where clocks change at midnight or by half an hour, robfig/cron may lose other times of that day, or run them at another minute; here they run';

const MACROS: ReadonlyMap<string, string> = new Map([
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
  ['@monthly', '0 0 1 * *'],
  ['@weekly', '0 0 * * 0'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@hourly', '0 * * * *'],
]);

const EVERY = /^@every (.+)$/;
const ZONE_PREFIX = /^(?:CRON_)?TZ=(\S+)\s+(.*)$/;

/**
 * A CronJob object (`batch/v1`), as `kubectl get cronjob -o json` prints it.
 * @throws CronImportError (`ERR_CRON_IMPORT`)
 */
export function fromKubernetes(cronJob: unknown, { tz }: KubernetesOptions = {}): Imported {
  const importing: Importing = new Importing('kubernetes');
  const { apiVersion, kind, metadata = {}, spec } = importing.record('cronJob', cronJob);
  if (apiVersion !== 'batch/v1' && apiVersion !== 'batch/v1beta1') importing.refuse('apiVersion', apiVersion, 'is not batch/v1');
  if (kind !== 'CronJob') importing.refuse('kind', kind, 'is not CronJob');
  const { schedule, timeZone, suspend, concurrencyPolicy, startingDeadlineSeconds } = importing.record('spec', spec);

  const text = importing.text('spec.schedule', schedule)?.trim() ?? '';
  const [, prefix, rest] = ZONE_PREFIX.exec(text) ?? [];
  const named = importing.text('spec.timeZone', timeZone);
  if (prefix !== undefined && named !== undefined) importing.refuse('spec.schedule', text, 'has a time zone and so has spec.timeZone');
  const expression = rest ?? text;

  const deadline = importing.number('spec.startingDeadlineSeconds', startingDeadlineSeconds, 0);
  const every = EVERY.exec(expression);
  const trigger = every
    ? fromEvery(importing, every[1]!, importing.record('metadata', metadata)['creationTimestamp'], deadline)
    : fromExpression(importing, expression, named === undefined ? (prefix ?? tz) : named);
  return importing.done(trigger, readOptions(importing, concurrencyPolicy, suspend, deadline));
}

function fromExpression(importing: Importing, expression: string, timeZone: string | undefined) {
  const { tz, zone } = importing.zone('spec.timeZone', timeZone);
  const field = 'spec.schedule';
  const texts = (MACROS.get(expression) ?? expression).split(/\s+/);
  if (texts.length !== 5) importing.refuse(field, expression, 'has not five fields, and is no macro that Kubernetes knows');
  const [minutes, hours, days, months, weekdays] = [
    read(texts[0]!, MINUTES),
    read(texts[1]!, HOURS),
    read(texts[2]!, DAYS),
    read(texts[3]!, { ...MONTHS, names: MONTH_NAMES }),
    read(texts[4]!, { ...WEEKDAYS, names: WEEKDAY_NAMES }),
  ] as const;
  const expr = writeCron({
    minutes: minutes.values,
    hours: hours.values,
    day: writeDays(days, DAYS),
    month: writeValues(months.values, MONTHS, true),
    weekday: writeDays(weekdays, WEEKDAYS),
  });
  importing.noteClockChanges(zone, CLOCKS);
  return importing.build(field, expression, () => cron(expr, { tz, dst: { gap: 'skip', overlap: 'both' } }));

  function read(text: string, rules: ItemRules) {
    const items = text.split(',').filter((item) => item !== ''); // robfig/cron drops empty items
    if (items.length === 0) importing.refuse(field, text, 'is a field without values');
    return {
      values: items.flatMap((item) => readItem(item, { ...rules, openSteps: true, question: true }, (rule) => importing.refuse(field, item, rule))),
      // A field restricts the day unless an item is * or ? without a step.
      restricts: !items.some((item) => /^[*?](?:\/0*1)?$/.test(item)),
    };
  }
}

/** A field that begins with `*` never restricts here, but `*`/2 does there: it is written as a range. */
function writeDays({ values, restricts }: { values: readonly number[]; restricts: boolean }, range: typeof DAYS): string {
  return restricts ? writeValues(values, range, false) : '*';
}

const UNITS_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1, us: 1e-3, 'µs': 1e-3, ns: 1e-6 };

function fromEvery(importing: Importing, duration: string, createdAt: unknown, deadline: number | undefined) {
  const field = 'spec.schedule';
  if (!/^(?:\d+(?:\.\d+)?(?:h|ms|m|s|us|µs|ns))+$/.test(duration)) importing.refuse(field, duration, 'is not a duration of Go such as 1h30m');
  let ms = 0;
  for (const [, amount, unit] of duration.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|ns)/g)) ms += Number(amount) * UNITS_MS[unit!]!;
  ms = Math.round(ms * 1e6) / 1e6; // 2.01 h are 7 236 000 ms, and a little less in binary floating point
  const every = Math.max(Math.floor(ms / 1_000), 1) * 1_000; // robfig/cron: whole seconds, at least one
  const created = importing.text('metadata.creationTimestamp', createdAt);
  if (created === undefined) importing.note('first_run', 'Kubernetes counts from the creation of the object, which this one does not tell; the trigger counts from when it is resolved', 'metadata.creationTimestamp');
  if (deadline !== undefined) importing.note('drift', 'with a starting deadline Kubernetes counts again from the deadline after a pause; the trigger always counts from the same instant', 'spec.startingDeadlineSeconds');
  // The first run is one interval after the creation.
  const anchor = created === undefined ? undefined : readCreation(importing, created) + every;
  return importing.build(field, duration, () => interval({ every, anchor }));
}

function readCreation(importing: Importing, text: string): number {
  const { localMs, offsetMs } = tryParseDateTime(text) ?? {};
  if (localMs === undefined || offsetMs === undefined) importing.refuse('metadata.creationTimestamp', text, 'is not an instant with Z or offset');
  return localMs - offsetMs;
}

const OVERLAPS: ReadonlyMap<unknown, OverlapPolicy> = new Map([
  ['Allow', 'allow'],
  ['Forbid', 'skip'],
  ['Replace', 'cancel_other'],
]);

function readOptions(importing: Importing, concurrencyPolicy: unknown, suspend: unknown, deadline: number | undefined): ScheduleOptions {
  const overlap = OVERLAPS.get(concurrencyPolicy ?? 'Allow');
  if (overlap === undefined) importing.refuse('spec.concurrencyPolicy', concurrencyPolicy, 'is none of Allow, Forbid, Replace');
  if (overlap === 'skip') importing.note('overlap', 'under Forbid, Kubernetes starts the latest run that it held back once the running one ends, if the starting deadline allows; here it is skipped', 'spec.concurrencyPolicy');
  if (overlap === 'cancel_other') importing.note('overlap', 'Kubernetes deletes the running job; here its signal is aborted, and the next run waits until it has ended', 'spec.concurrencyPolicy');
  if (deadline === undefined) importing.note('missed_runs', 'without a starting deadline Kubernetes makes up for the latest missed run however old it is; here the default window of the scheduler holds', 'spec.startingDeadlineSeconds');
  return {
    overlap,
    ...(deadline !== undefined && { misfire: { mode: 'latest', windowMs: Math.round(deadline * 1_000) } }),
    ...(suspend === true && { paused: true }),
  };
}
