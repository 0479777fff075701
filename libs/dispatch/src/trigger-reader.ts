import { parseTrigger, type Trigger, type TriggerJson } from '@staddle/cron';
import { parseDuration } from '@staddle/kernel';
import { InvalidTriggerError } from './errors.ts';
import { messageOf, readJson } from './stored-json.ts';

/** Reads a stored trigger. @throws InvalidTriggerError (`ERR_DISPATCH_TRIGGER`) */
export type ReadTrigger = (json: string) => Trigger;

/** The trigger of a new task. @throws InvalidTriggerError (`ERR_DISPATCH_TRIGGER`) with a field such as `trigger.expr` */
export function readNewTrigger(json: unknown): Trigger {
  const trigger = ofTrigger(() => parseTrigger(json));
  if (trigger.fixedDelayMs !== undefined) throw new InvalidTriggerError('trigger.mode', 'delay is not offered: instants are planned before their runs have ended');
  refuseShortIntervals(trigger.toJSON(), 'trigger');
  return trigger;
}

/**
 * The trigger of a new task with its uid, as of its creation, and its first instant; undefined when none is left.
 * @throws InvalidTriggerError (`ERR_DISPATCH_TRIGGER`): the seed may draw a day that never comes
 */
export function resolveTrigger(trigger: Trigger, nowMs: number, uid: string): { readonly trigger: Trigger; readonly firstAt: number | undefined } {
  return ofTrigger(() => {
    const resolved = trigger.resolve(nowMs, { seed: uid });
    return { trigger: resolved, firstAt: resolved.next(nowMs) };
  });
}

function ofTrigger<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const { field: key } = cause as { readonly field?: string };
    const field = key === undefined ? 'trigger' : `trigger.${key}`;
    throw new InvalidTriggerError(field, messageOf(cause), { cause });
  }
}

// Each instant is a row, and writing it would cost more than a shorter interval lasts.
const SHORTEST_INTERVAL_MS = 1_000;

function refuseShortIntervals(json: TriggerJson, field: string): void {
  if (json.kind === 'interval' && parseDuration(json.every) < SHORTEST_INTERVAL_MS) {
    throw new InvalidTriggerError(`${field}.every`, `${json.every} is shorter than ${SHORTEST_INTERVAL_MS} ms, the shortest interval of a task`);
  }
  if (json.kind === 'or' || json.kind === 'and') json.of.forEach((member, index) => refuseShortIntervals(member, `${field}.of.${index}`));
}

// Tasks share triggers ("every five minutes"), and compiling an expression costs far more than asking it.
const CACHE_SIZE = 1_000;

export function createTriggerReader(): ReadTrigger {
  const cache = new Map<string, Trigger>();
  return (json) => {
    const known = cache.get(json);
    if (known) return known;
    const trigger = readNewTrigger(readJson(json));
    for (const oldest of cache.keys()) {
      if (cache.size < CACHE_SIZE) break;
      cache.delete(oldest);
    }
    cache.set(json, trigger);
    return trigger;
  };
}
