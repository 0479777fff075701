import type { Language, TriggerJson } from '../trigger.ts';

/** A trigger in words. */
export declare function describeTrigger(json: TriggerJson, language: Language): string;
