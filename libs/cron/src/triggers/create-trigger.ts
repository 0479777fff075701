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
  /** Of a trigger that depends on its creation, ignored for others; a seed that is not there leaves it so. */
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
  return KindOfTrigger.timelineOf(trigger as KindOfTrigger);
}

// A class, because processes hold triggers by the hundred thousand: the methods are there once.
class KindOfTrigger implements Trigger {
  readonly kind: TriggerKind;
  readonly fixedDelayMs: number | undefined;
  readonly #json: TriggerJson;
  readonly #timeline: Timeline;
  readonly #jitterMs: TriggerParts['jitterMs'];
  /** While it depends on its creation. Later it would keep alive all that the trigger was made of, half of its memory. */
  readonly #resolve: TriggerParts['resolve'];
  #hash: string | undefined;

  constructor({ json, timeline, jitterMs, fixedDelayMs, resolve }: TriggerParts) {
    this.kind = json.kind;
    this.fixedDelayMs = fixedDelayMs;
    this.#json = json;
    this.#timeline = timeline ?? unresolved(json.kind);
    this.#jitterMs = jitterMs;
    this.#resolve = timeline === undefined ? resolve : undefined;
    deepFreeze(json);
    Object.freeze(this);
  }

  static is(value: unknown): boolean {
    return typeof value === 'object' && value !== null && #json in value;
  }

  static timelineOf(trigger: KindOfTrigger): Timeline | undefined {
    return trigger.#resolve === undefined ? trigger.#timeline : undefined;
  }

  get hash(): string {
    this.#hash ??= createHash('sha256').update(JSON.stringify(this.#json)).digest('hex');
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
    if (this.#resolve !== undefined) throw new TriggerUnresolvedError(this.kind);
    return this.#jitterMs?.(at) ?? 0;
  }

  resolve(nowMs: number, { seed }: ResolveOptions = {}): Trigger {
    const at = creationInstant(nowMs);
    return this.#resolve === undefined ? this : this.#resolve(at, seed);
  }

  describe(language: Language = 'en'): string {
    return describeTrigger(this.#json, language);
  }

  toCron(): CronTriggerJson | undefined {
    return cronOf(this.#json);
  }

  toJSON(): TriggerJson {
    return this.#json;
  }

  /** What `console.log` and error messages show: the JSON, which says all about it. */
  [inspect.custom](_depth: number, options: InspectOptions): string {
    return `Trigger ${inspect(this.#json, options)}`;
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
