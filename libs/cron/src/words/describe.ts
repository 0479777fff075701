import type { Language, TriggerJson } from '../trigger.ts';

/** A trigger in words. */
export function describeTrigger(json: TriggerJson, language: Language): string {
  return `${json.kind} (${language})`;
}
