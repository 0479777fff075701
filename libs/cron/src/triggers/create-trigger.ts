import { createHash } from 'node:crypto';
import { inspect, type InspectOptions } from 'node:util';
import { TriggerSyntaxError, TriggerUnresolvedError } from '../errors.ts';
import type { Timeline } from '../timeline.ts';
import type { CronTriggerJson, Language, ResolveOptions, Trigger, TriggerJson, TriggerKind } from '../trigger.ts';
import { cronOf } from '../words/cron-of.ts';
import { describeTrigger } from '../words/describe.ts';
import { creationInstant, endingPoint, readCount, startingPoint } from '../zone/instant.ts';
import { bounded, STEPS_PER_LIST } from './steps.ts';

/** What the kinds of triggers differ in. */
export interface TriggerParts {
  /** Canonical, with the limits. Frozen to its depths here. */
  readonly json: TriggerJson;
  /** With the limits. Undefined while it depends on its creation. */
  readonly timeline: Timeline | undefined;
  readonly jitterMs?: ((atMs: number) => number) | undefined;
  readonly fixedDelayMs?: number | undefined;
  /** Of a trigger that depends on its creation; a seed that is not there leaves it so. */
  readonly resolve?: ((nowMs: number, seed: string | undefined) => Trigger) | undefined;
}

/** How deep triggers may hold one another, the outermost counted. */
export const DEEPEST_NESTING = 5;
// With the outermost. All of them may be asked for each step of a search.
const MOST_NESTED = 100;

/** @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`) when it holds too many others, or too deep inside one another */
export function createTrigger(parts: TriggerParts): Trigger {
  const { depth, count } = nesting(parts.json);
  if (depth > DEEPEST_NESTING) throw new TriggerSyntaxError(undefined, undefined, `is ${depth} triggers deep, more than ${DEEPEST_NESTING}`);
  if (count > MOST_NESTED) throw new TriggerSyntaxError(undefined, undefined, `is made of ${count} triggers, more than ${MOST_NESTED}`);
  return new KindOfTrigger(parts);
}

/** Whether this copy of the package created it: others need not keep to the invariants. */
export function isTrigger(value: unknown): value is Trigger {
  return KindOfTrigger.is(value);
}

/** The times of a trigger that {@link isTrigger}, for one that holds it; undefined while it depends on its creation. */
export function timelineOf(trigger: Trigger): Timeline | undefined {
  return KindOfTrigger.partsOf(trigger as KindOfTrigger).timeline;
}

// A class, because processes hold triggers by the hundred thousand: the methods are there once.
class KindOfTrigger implements Trigger {
  readonly kind: TriggerKind;
  readonly fixedDelayMs: number | undefined;
  readonly #parts: TriggerParts;
  readonly #timeline: Timeline;
  #hash: string | undefined;

  constructor(parts: TriggerParts) {
    this.kind = parts.json.kind;
    this.fixedDelayMs = parts.fixedDelayMs;
    this.#parts = parts;
    this.#timeline = parts.timeline ?? unresolved(parts.json.kind);
    deepFreeze(parts.json);
    Object.freeze(this);
  }

  static is(value: unknown): boolean {
    return typeof value === 'object' && value !== null && #parts in value;
  }

  static partsOf(trigger: KindOfTrigger): TriggerParts {
    return trigger.#parts;
  }

  get hash(): string {
    this.#hash ??= createHash('sha256').update(JSON.stringify(this.#parts.json)).digest('hex');
    return this.#hash;
  }

  next(afterMs: number): number | undefined {
    return this.#timeline.next(startingPoint(afterMs));
  }

  prev(beforeMs: number): number | undefined {
    return this.#timeline.prev(endingPoint(beforeMs));
  }

  between(fromMs: number, toMs: number, limit: number): number[] {
    const from = endingPoint(fromMs);
    const end = endingPoint(toMs);
    const count = readCount(limit);
    return bounded(() => {
      const times: number[] = [];
      for (let at = this.#timeline.next(from - 1); at !== undefined && at < end; at = this.#timeline.next(at)) {
        times.push(at);
        if (times.length === count) break;
      }
      return times;
    }, STEPS_PER_LIST);
  }

  matches(atMs: number): boolean {
    return this.#timeline.next(Math.max(startingPoint(atMs), 0) - 1) === atMs;
  }

  jitterMs(atMs: number): number {
    const at = startingPoint(atMs);
    if (this.#parts.timeline === undefined) throw new TriggerUnresolvedError(this.kind);
    return this.#parts.jitterMs?.(at) ?? 0;
  }

  resolve(nowMs: number, { seed }: ResolveOptions = {}): Trigger {
    const at = creationInstant(nowMs);
    return this.#parts.timeline === undefined ? this.#parts.resolve!(at, seed) : this;
  }

  describe(language: Language = 'en'): string {
    return describeTrigger(this.#parts.json, language);
  }

  toCron(): CronTriggerJson | undefined {
    return cronOf(this.#parts.json);
  }

  toJSON(): TriggerJson {
    return this.#parts.json;
  }

  /** What `console.log` and error messages show: the JSON, which says all about it. */
  [inspect.custom](_depth: number, options: InspectOptions): string {
    return `Trigger ${inspect(this.#parts.json, options)}`;
  }
}

function unresolved(kind: string): Timeline {
  const refuse = (): never => {
    throw new TriggerUnresolvedError(kind);
  };
  return { next: refuse, prev: refuse };
}

function nesting(json: TriggerJson): { readonly depth: number; readonly count: number } {
  if (!('of' in json) && !('exclude' in json)) return { depth: 1, count: 1 };
  const held = [...('of' in json ? json.of : []), ...('exclude' in json ? json.exclude : [])].filter((item) => typeof item === 'object').map(nesting);
  return {
    depth: 1 + Math.max(0, ...held.map(({ depth }) => depth)),
    count: 1 + held.reduce((sum, { count }) => sum + count, 0),
  };
}

function deepFreeze(value: object): void {
  Object.freeze(value);
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null && !Object.isFrozen(inner)) deepFreeze(inner as object);
  }
}
