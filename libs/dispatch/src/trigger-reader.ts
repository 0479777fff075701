import { parseTrigger, type Trigger } from '@staddle/cron';
import { InvalidTriggerError } from './errors.ts';
import { messageOf, readJson } from './stored-json.ts';

/** Reads a stored trigger. @throws InvalidTriggerError (`ERR_DISPATCH_TRIGGER`) */
export type ReadTrigger = (json: string) => Trigger;

/** The trigger of a new task. @throws InvalidTriggerError (`ERR_DISPATCH_TRIGGER`) with a field such as `trigger.expr` */
export function readNewTrigger(json: unknown): Trigger {
  try {
    return parseTrigger(json);
  } catch (cause) {
    const { field: key } = cause as { readonly field?: string };
    const field = key === undefined ? 'trigger' : `trigger.${key}`;
    throw new InvalidTriggerError(field, messageOf(cause), { cause });
  }
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
