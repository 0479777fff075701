import { cron } from './triggers/cron-trigger.ts';
import { after, date } from './triggers/date-trigger.ts';
import { TriggerSyntaxError } from './errors.ts';
import { interval } from './triggers/interval-trigger.ts';
import type { Trigger, TriggerKind } from './trigger.ts';

type Json = Readonly<Record<string, unknown>>;

/** The keys of each kind beside `kind`. */
const KEYS: Readonly<Record<TriggerKind, readonly string[]>> = {
  date: ['at', 'tz', 'fold'],
  after: ['delay'],
  interval: ['every', 'anchor'],
  cron: ['expr', 'tz'],
};

const KINDS = Object.keys(KEYS);

/**
 * Reads the JSON form of a trigger from input of any origin.
 * @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`) for shape, values and time zone
 * @throws CronSyntaxError (`ERR_CRON_SYNTAX`) for the expression
 */
export function parseTrigger(json: unknown): Trigger {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new TriggerSyntaxError(undefined, json, 'is not an object');
  const fields = json as Json;
  const { kind } = fields;
  if (!isKind(kind)) throw new TriggerSyntaxError('kind', kind, kind === undefined ? `is missing: one of ${KINDS.join(', ')}` : `is none of ${KINDS.join(', ')}`);
  for (const key of Object.keys(fields)) {
    if (key !== 'kind' && !KEYS[kind].includes(key)) throw new TriggerSyntaxError(key, fields[key], `is not a key of a trigger of kind ${kind}: ${KEYS[kind].join(', ')}`);
  }
  switch (kind) {
    case 'date':
      return date({ at: text(fields, 'at'), tz: optionalText(fields, 'tz'), fold: fields.fold as 0 | 1 | undefined });
    case 'after':
      return after({ delay: duration(fields, 'delay') });
    case 'interval':
      return interval({ every: duration(fields, 'every'), anchor: optionalText(fields, 'anchor') });
    case 'cron':
      return cron(text(fields, 'expr'), { tz: text(fields, 'tz') });
  }
}

function isKind(kind: unknown): kind is TriggerKind {
  return typeof kind === 'string' && Object.hasOwn(KEYS, kind);
}

function text(fields: Json, key: string): string {
  const value = fields[key];
  if (value === undefined) throw new TriggerSyntaxError(key, value, 'is missing');
  if (typeof value !== 'string') throw new TriggerSyntaxError(key, value, 'is not text');
  return value;
}

function optionalText(fields: Json, key: string): string | undefined {
  return fields[key] === undefined ? undefined : text(fields, key);
}

function duration(fields: Json, key: string): string | number {
  return typeof fields[key] === 'number' ? fields[key] : text(fields, key);
}
