import { TriggerTooSparseError } from '../errors.ts';

// A step takes well under a microsecond for most triggers: some tens of milliseconds at the very worst. An exclusion of every
// second of half a day needs 43 200 of them.
const MOST_STEPS = 100_000;

// Triggers nest, and a limit for each of them would multiply. Questions are synchronous, so one count serves all of one question.
let stepsLeft: number | undefined;

/**
 * Answers one question, with all that it asks of other triggers, in a bounded number of steps.
 * @throws TriggerTooSparseError (`ERR_CRON_TOO_SPARSE`)
 */
export function bounded<T>(question: () => T): T {
  if (stepsLeft !== undefined) return question();
  stepsLeft = MOST_STEPS;
  try {
    return question();
  } finally {
    stepsLeft = undefined;
  }
}

/** To be called once for each candidate that a search looks at. */
export function countStep(): void {
  if (stepsLeft === undefined) throw new Error('a step outside of a bounded question');
  if (stepsLeft-- === 0) throw new TriggerTooSparseError(MOST_STEPS);
}
