import type { LockKind } from './driver.ts';
import { InvalidLockOptionError } from './errors.ts';

/** How a lease is held. */
export interface LeaseOptions {
  /** How soon a crashed holder is noticed, in ms; not how long the work may take. Default 30000, any whole number >= 1. */
  readonly ttlMs?: number;
  /** Renew every third of the ttl until released. Default true. */
  readonly renew?: boolean;
  /** The longest time that the lease is held, in ms: then its signal aborts (`max-hold`), and `graceMs` later it is let go. Default none. */
  readonly maxHoldMs?: number;
  /** How long the lease is still renewed after `maxHoldMs`, so that the work can wind down alone, in ms. Default 5000. */
  readonly graceMs?: number;
  /** The shortest time that the name stays locked, in ms: an earlier release leaves it locked for the rest. Default 0. */
  readonly minHoldMs?: number;
  /** True lets code inside `using` acquire the same name again. Default false: it gets a LockDeadlockError instead. */
  readonly reentrant?: boolean;
  /** False gives no fence (`0n`) and saves work in the store. Default true. */
  readonly fencing?: boolean;
  /** Shown by `inspect`; at most 4096 characters as JSON. */
  readonly meta?: Readonly<Record<string, string>>;
  /** Replicas that must confirm the acquisition within `timeoutMs`, else it is given back. Default none. Redis only. */
  readonly replicas?: { readonly count: number; readonly timeoutMs: number };
}

export interface TryAcquireOptions extends LeaseOptions {
  /** True takes a free lock even when others queue for it. Default false. */
  readonly barge?: boolean;
}

export interface AcquireOptions extends TryAcquireOptions {
  /** How long to wait for other owners, in ms, `Infinity` for ever; 0 for one attempt. Default 10000. */
  readonly waitMs?: number;
  /** Cancels the waiting, not the holding. */
  readonly signal?: AbortSignal;
  /** -100 to 100; higher first. Default 0. */
  readonly priority?: number;
}

/** Every option of an acquisition, filled in and checked. */
export type AcquireSettings = Required<Omit<AcquireOptions, 'signal' | 'meta' | 'replicas'>> & Pick<AcquireOptions, 'signal' | 'replicas'> & { readonly meta?: string };

export const DEFAULTS: {
  readonly ttlMs: number;
  readonly waitMs: number;
  readonly graceMs: number;
  readonly commandTimeoutMs: number;
  readonly maxLocalHandoffs: number;
} = Object.freeze({ ttlMs: 30_000, waitMs: 10_000, graceMs: 5_000, commandTimeoutMs: 1_000, maxLocalHandoffs: 16 });

const SETTINGS: Required<Omit<AcquireOptions, 'signal' | 'meta' | 'replicas'>> = {
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
export function checkMs(field: string, value: unknown, least: number): void {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least || value > TTL_MAX_MS) {
    throw new InvalidLockOptionError(field, value, `a whole number of milliseconds from ${least} to 2^43`);
  }
}

/** @throws InvalidLockOptionError (`ERR_LOCK_OPTION`) unless `value` is a whole number from `least` to `most` */
export function checkCount(field: string, value: unknown, least: number, most: number): void {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
    throw new InvalidLockOptionError(field, value, `a whole number from ${least} to ${most}`);
  }
}

/**
 * Fills in the defaults; an option that is undefined counts as left out.
 * @param path before the name of a bad option, as `defaults.`
 * @throws InvalidLockOptionError (`ERR_LOCK_OPTION`)
 */
export function settingsOf(options: AcquireOptions, defaults: LeaseOptions = {}, path = ''): AcquireSettings {
  const { meta, replicas, signal, ...settings } = { ...SETTINGS, ...defined(defaults), ...defined(options) };
  checkMs(`${path}ttlMs`, settings.ttlMs, 1);
  if (settings.waitMs !== Infinity) checkMs(`${path}waitMs`, settings.waitMs, 0);
  if (settings.maxHoldMs !== Infinity) checkMs(`${path}maxHoldMs`, settings.maxHoldMs, 1);
  checkMs(`${path}graceMs`, settings.graceMs, 0);
  checkMs(`${path}minHoldMs`, settings.minHoldMs, 0);
  checkCount(`${path}priority`, settings.priority, -PRIORITY_MAX, PRIORITY_MAX);
  for (const field of ['renew', 'reentrant', 'fencing', 'barge'] as const) {
    if (typeof settings[field] !== 'boolean') throw new InvalidLockOptionError(`${path}${field}`, settings[field], 'true or false');
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw new InvalidLockOptionError('signal', signal, 'an AbortSignal');
  if (replicas !== undefined) {
    checkCount(`${path}replicas.count`, replicas.count, 1, 1_000);
    checkMs(`${path}replicas.timeoutMs`, replicas.timeoutMs, 1);
  }
  return { ...settings, ...(signal && { signal }), ...(replicas && { replicas }), ...(meta !== undefined && { meta: metaText(meta, `${path}meta`) }) };
}

function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}

function metaText(meta: unknown, field: string): string {
  const isTextMap = typeof meta === 'object' && meta !== null && Object.values(meta).every((value) => typeof value === 'string');
  const text = isTextMap ? JSON.stringify(meta) : '';
  if (!isTextMap || text.length > META_MAX) {
    throw new InvalidLockOptionError(field, meta, `an object of texts, at most ${META_MAX} characters as JSON`);
  }
  return text;
}
