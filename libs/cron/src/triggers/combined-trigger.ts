import type { DurationInput } from '@staddle/kernel';
import type { Trigger } from '../trigger.ts';
import type { LimitOptions } from './limits.ts';

export interface AndOptions extends LimitOptions {
  /** How far apart the times may be; the earliest one counts. Default 0: the same millisecond. */
  readonly threshold?: DurationInput | undefined;
}

/** Every time of any of the triggers, each once. */
export declare function or(of: readonly Trigger[], options?: LimitOptions): Trigger;

/** The times at which all of the triggers agree. */
export declare function and(of: readonly Trigger[], options?: AndOptions): Trigger;
