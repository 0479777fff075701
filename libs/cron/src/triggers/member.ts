import { TriggerSyntaxError } from '../errors.ts';
import type { Trigger } from '../trigger.ts';
import { partsOf, type TriggerParts } from './create-trigger.ts';

/**
 * A trigger that is part of another one, for nothing but its times: whoever runs the outer one would not see more of it.
 * @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`) for something else, a fixed delay or jitter
 */
export function readMember(field: string, member: Trigger, rule: string): TriggerParts {
  const parts = partsOf(member);
  if (parts === undefined) throw new TriggerSyntaxError(field, member, rule);
  const { json, fixedDelayMs } = parts;
  if (fixedDelayMs !== undefined) throw new TriggerSyntaxError(`${field}.mode`, 'delay', 'has no meaning inside another trigger: the times depend on runs of its own');
  if ('jitter' in json) throw new TriggerSyntaxError(`${field}.jitter`, json.jitter, 'has no meaning inside another trigger: give it to the outermost one');
  return parts;
}
