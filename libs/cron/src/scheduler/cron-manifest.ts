import { createHash } from 'node:crypto';
import type { TriggerJson } from '../trigger.ts';
import type { CronDefinition } from './define-cron.ts';
import type { ScheduleOptions } from './schedule.ts';
import type { ScannedCron } from './scan-crons.ts';

/** What is declared, as JSON: for reviews, for a build step, and to find out what a deployment changes. */
export interface CronManifest {
  readonly v: 1;
  /** SHA-256 of the rest, in hex. */
  readonly hash: string;
  /** In order of their names. */
  readonly crons: readonly CronManifestEntry[];
}

export interface CronManifestEntry {
  readonly name: string;
  /** Where it is declared, relative to the directory that was scanned, with `/`. */
  readonly file: string;
  readonly description?: string;
  readonly trigger: TriggerJson;
  /** Only what was declared. */
  readonly options: ScheduleOptions;
  /** SHA-256 of trigger and options, in hex: alike as long as it does the same at the same times. */
  readonly hash: string;
}

export interface ManifestDiff {
  readonly added: readonly string[];
  /** Other trigger or options. Another file or description is no change. */
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

export function manifestOf(scanned: readonly ScannedCron[]): CronManifest {
  const crons = scanned.map(({ file, definition }) => entryOf(file, definition));
  return { v: 1, hash: hashOf(crons), crons };
}

function entryOf(file: string, { name, trigger, description, overlap, misfire, timeoutMs, paused, lock }: CronDefinition): CronManifestEntry {
  // In a fixed order, whatever order they were written in. JSON drops what is undefined.
  const options = JSON.parse(
    JSON.stringify({
      overlap,
      misfire: misfire && { mode: misfire.mode, windowMs: misfire.windowMs, max: misfire.max, graceMs: misfire.graceMs },
      timeoutMs,
      paused,
      lock: lock && { ttlMs: lock.ttlMs, keepMs: lock.keepMs, onCrash: lock.onCrash },
    }),
  ) as ScheduleOptions;
  const json = trigger.toJSON();
  return { name, file, ...(description !== undefined && { description }), trigger: json, options, hash: hashOf({ trigger: json, options }) };
}

/** What became of the declarations between two manifests, by name. `before` is undefined the first time: all of `after` is new. */
export function diffManifests(before: CronManifest | undefined, after: CronManifest): ManifestDiff {
  const earlier = before?.crons ?? [];
  const old = new Map(earlier.map(({ name, hash }) => [name, hash]));
  const names = new Set(after.crons.map(({ name }) => name));
  return {
    added: after.crons.filter(({ name }) => !old.has(name)).map(({ name }) => name),
    changed: after.crons.filter(({ name, hash }) => old.has(name) && old.get(name) !== hash).map(({ name }) => name),
    removed: earlier.filter(({ name }) => !names.has(name)).map(({ name }) => name),
  };
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}
