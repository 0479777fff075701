/**
 * What a kind of trigger brings: a set of instants that can be walked in both directions. Limits, exclusions, checks of
 * arguments and everything else are written once on top of it (triggers/create-trigger.ts).
 */
export interface Timeline {
  /** The first member after `afterMs`, a whole number from -1 on. */
  next(afterMs: number): number | undefined;
  /** The last member before `beforeMs`, a whole number up to `LATEST_MS + 1`. */
  prev(beforeMs: number): number | undefined;
}
