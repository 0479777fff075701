import { TriggerSyntaxError } from '../errors.ts';
import type { Trigger } from '../trigger.ts';
import { isTrigger } from './create-trigger.ts';

/**
 * Checks a trigger that is part of another one. Nothing but its times counts there, so it must have nothing else to say.
 * @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`) for what is no trigger, for a fixed delay and for jitter
 */
export function checkMember(field: string, member: Trigger, rule: string): void {
  if (!isTrigger(member)) throw new TriggerSyntaxError(field, member, rule);
  const json = member.toJSON();
  if (member.fixedDelayMs !== undefined) throw new TriggerSyntaxError(`${field}.mode`, 'delay', 'has no meaning inside another trigger: the times depend on runs of its own');
  if ('jitter' in json) throw new TriggerSyntaxError(`${field}.jitter`, json.jitter, 'has no meaning inside another trigger: give it to the outermost one');
}
