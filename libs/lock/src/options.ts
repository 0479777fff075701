import type { LockKind } from './driver.ts';
import { InvalidLockOptionError } from './errors.ts';

/** How a lease is held. */
export interface LeaseOptions {
  /** How soon a crashed holder is noticed, in ms; not how long the work may take. Default 30000, any whole number >= 1. */
  readonly ttlMs?: number | undefined;
  /** Renew every third of the ttl until released. Default true. */
  readonly renew?: boolean | undefined;
  /** The longest time that the lease is held, in ms: then its signal aborts (`max-hold`), and `graceMs` later it is let go. Default none. */
  readonly maxHoldMs?: number | undefined;
  /** How long the lease is still renewed after `maxHoldMs`, so that the work can wind down alone, in ms. Default 5000. */
  readonly graceMs?: number | undefined;
  /** The shortest time that the name stays locked, in ms: an earlier release leaves it locked for the rest. Default 0. */
  readonly minHoldMs?: number | undefined;
  /** True lets code inside `using` acquire the same name again. Default false: it gets a LockDeadlockError instead. */
  readonly reentrant?: boolean | undefined;
  /** False gives a mutex no fence (`0n`) and saves work in the store. Default true. */
  readonly fencing?: boolean | undefined;
  /** Shown by `inspect`; at most 4096 characters as JSON. */
  readonly meta?: Readonly<Record<string, string>> | undefined;
  /** Replicas that must confirm the acquisition within `timeoutMs`, else it is given back. Default none. Redis only. */
  readonly replicas?: { readonly count: number; readonly timeoutMs: number } | undefined;
}

export interface TryAcquireOptions extends LeaseOptions {
  /** True takes a free lock even when others queue for it. Default false. */
  readonly barge?: boolean | undefined;
}

export interface AcquireOptions extends TryAcquireOptions {
  /** How long to wait for other owners, in ms, `Infinity` for ever; 0 for one attempt. Default 10000. */
  readonly waitMs?: number | undefined;
  /** Cancels the waiting, not the holding. */
  readonly signal?: AbortSignal | undefined;
  /** -100 to 100; higher first. Default 0. */
  readonly priority?: number | undefined;
}

/** Every option of an acquisition, filled in and checked. */
export type AcquireSettings = { readonly [Name in Exclude<keyof AcquireOptions, 'signal' | 'meta' | 'replicas'>]-?: Exclude<AcquireOptions[Name], undefined> } & {
  readonly signal: AbortSignal | undefined;
  readonly replicas: AcquireOptions['replicas'];
  /** As JSON. */
  readonly meta: string | undefined;
};

export const DEFAULTS: {
  readonly ttlMs: number;
  readonly waitMs: number;
  readonly graceMs: number;
  readonly commandTimeoutMs: number;
  readonly maxLocalHandoffs: number;
} = Object.freeze({ ttlMs: 30_000, waitMs: 10_000, graceMs: 5_000, commandTimeoutMs: 1_000, maxLocalHandoffs: 16 });

const SETTINGS: AcquireSettings = {
  ttlMs: DEFAULTS.ttlMs,
  waitMs: DEFAULTS.waitMs,
  graceMs: DEFAULTS.graceMs,
  maxHoldMs: Infinity,
  minHoldMs: 0,
  renew: true,
  reentrant: false,
  fencing: true,
  barge: false,
  priority: 0,
  signal: undefined,
  replicas: undefined,
  meta: undefined,
};
const KINDS: readonly LockKind[] = ['mutex', 'read-write', 'semaphore', 'run'];
const META_MAX = 4_096;
const PRIORITY_MAX = 100;
/** 285 years. Beyond it, sums with the time in microseconds leave the whole numbers that a double holds. */
const TTL_MAX_MS = 2 ** 43;

/** @throws InvalidLockOptionError (`ERR_LOCK_OPTION`) */
export function checkName(name: unknown, field = 'name'): asserts name is string {
  // Half of a surrogate pair has no UTF-8: in a store such names would all read the same.
  if (typeof name !== 'string' || name.length === 0 || !name.isWellFormed()) throw new InvalidLockOptionError(field, name, 'non-empty, well-formed text');
}

/** @throws InvalidLockOptionError (`ERR_LOCK_OPTION`) */
export function checkText(field: string, value: unknown): asserts value is string {
  if (typeof value !== 'string' || !value.isWellFormed()) throw new InvalidLockOptionError(field, value, 'well-formed text');
}

/** @throws InvalidLockOptionError (`ERR_LOCK_OPTION`) */
export function checkKind(kind: unknown, field = 'kind'): asserts kind is LockKind {
  if (!KINDS.includes(kind as LockKind)) throw new InvalidLockOptionError(field, kind, `one of ${KINDS.join(', ')}`);
}

/** @throws InvalidLockOptionError (`ERR_LOCK_OPTION`) unless `value` is a whole number of milliseconds from `least` up */
export function checkMs(field: string, value: unknown, least: number, path = ''): void {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least || value > TTL_MAX_MS) {
    throw new InvalidLockOptionError(path + field, value, `a whole number of milliseconds from ${least} to 2^43`);
  }
}

/** @throws InvalidLockOptionError (`ERR_LOCK_OPTION`) unless `value` is a whole number from `least` to `most` */
export function checkCount(field: string, value: unknown, least: number, most: number, path = ''): void {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
    throw new InvalidLockOptionError(path + field, value, `a whole number from ${least} to ${most}`);
  }
}

/**
 * Fills in what is left out; an option that is undefined counts as left out.
 * @param base settings that have been checked
 * @param path before the name of a bad option, as `defaults.`
 * @throws InvalidLockOptionError (`ERR_LOCK_OPTION`)
 */
export function settingsOf(options: AcquireOptions, base: AcquireSettings = SETTINGS, path = ''): AcquireSettings {
  const { meta, replicas, signal } = options;
  const settings: AcquireSettings = {
    ttlMs: or(options.ttlMs, base.ttlMs),
    waitMs: or(options.waitMs, base.waitMs),
    graceMs: or(options.graceMs, base.graceMs),
    maxHoldMs: or(options.maxHoldMs, base.maxHoldMs),
    minHoldMs: or(options.minHoldMs, base.minHoldMs),
    renew: or(options.renew, base.renew),
    reentrant: or(options.reentrant, base.reentrant),
    fencing: or(options.fencing, base.fencing),
    barge: or(options.barge, base.barge),
    priority: or(options.priority, base.priority),
    signal,
    replicas: or(replicas, base.replicas),
    meta: meta === undefined ? base.meta : metaText(meta, path),
  };
  for (const name in options) {
    if (!(name in SETTINGS)) throw new InvalidLockOptionError(path + name, options[name as keyof AcquireOptions], 'left out, because there is no such option');
  }
  checkMs('ttlMs', settings.ttlMs, 1, path);
  if (settings.waitMs !== Infinity) checkMs('waitMs', settings.waitMs, 0, path);
  if (settings.maxHoldMs !== Infinity) checkMs('maxHoldMs', settings.maxHoldMs, 1, path);
  checkMs('graceMs', settings.graceMs, 0, path);
  checkMs('minHoldMs', settings.minHoldMs, 0, path);
  checkCount('priority', settings.priority, -PRIORITY_MAX, PRIORITY_MAX, path);
  for (const field of SWITCHES) {
    if (typeof settings[field] !== 'boolean') throw new InvalidLockOptionError(`${path}${field}`, settings[field], 'true or false');
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw new InvalidLockOptionError('signal', signal, 'an AbortSignal');
  if (replicas !== undefined) {
    checkCount('replicas.count', replicas.count, 1, 1_000, path);
    checkMs('replicas.timeoutMs', replicas.timeoutMs, 1, path);
  }
  return settings;
}

const SWITCHES = ['renew', 'reentrant', 'fencing', 'barge'] as const;

function or<T>(given: T | undefined, base: T): T {
  return given === undefined ? base : given;
}

function metaText(meta: unknown, path: string): string {
  const isTextMap = typeof meta === 'object' && meta !== null && Object.values(meta).every((value) => typeof value === 'string');
  const text = isTextMap ? JSON.stringify(meta) : '';
  if (!isTextMap || text.length > META_MAX) {
    throw new InvalidLockOptionError(`${path}meta`, meta, `an object of texts, at most ${META_MAX} characters as JSON`);
  }
  return text;
}
