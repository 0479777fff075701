import { createHash } from 'node:crypto';
import { TriggerUnresolvedError } from '../errors.ts';
import type { CronTriggerJson, Language, ResolveOptions, Trigger, TriggerJson, TriggerKind } from '../trigger.ts';
import { cronOf } from '../words/cron-of.ts';
import { describeTrigger } from '../words/describe.ts';
import { creationInstant, endingPoint, readCount, startingPoint } from '../zone/instant.ts';
import type { Timeline } from './timeline.ts';

/** What the kinds of triggers differ in. */
export interface TriggerParts {
  /** Canonical, with the limits. */
  readonly json: TriggerJson;
  /** With the limits. Undefined while it depends on its creation. */
  readonly timeline: Timeline | undefined;
  readonly jitterMs?: ((atMs: number) => number) | undefined;
  readonly fixedDelayMs?: number | undefined;
  /** Of a trigger that depends on its creation; a seed that is not there leaves it so. */
  readonly resolve?: ((nowMs: number, seed: string | undefined) => Trigger) | undefined;
}

export function createTrigger(parts: TriggerParts): Trigger {
  return new KindOfTrigger(parts);
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
    Object.freeze(this);
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
    const count = readCount(limit);
    const end = endingPoint(toMs);
    const times: number[] = [];
    for (let at = this.#timeline.next(endingPoint(fromMs) - 1); at !== undefined && at < end; at = this.#timeline.next(at)) {
      times.push(at);
      if (times.length === count) break;
    }
    return times;
  }

  matches(atMs: number): boolean {
    const before = startingPoint(atMs - 1);
    return this.#timeline.next(before) === atMs;
  }

  jitterMs(atMs: number): number {
    return this.#parts.jitterMs?.(startingPoint(atMs)) ?? 0;
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
}

function unresolved(kind: string): Timeline {
  const refuse = (): never => {
    throw new TriggerUnresolvedError(kind);
  };
  return { next: refuse, prev: refuse };
}
